"""What a reader says of a file that it refuses."""

from typing import Any

import pytest

from storage.files.inputs import InputError


def complaint(call: Any, *arguments: Any, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments, **options)
    return str(caught.value)
