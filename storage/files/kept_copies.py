"""Files of people that are kept as they came."""

import shutil
from pathlib import Path

from storage.files.atomic import complete


def keep_copy(source: Path, place: Path) -> None:
    """The whole file or none. What stands there already is replaced."""
    with complete(place) as partial:
        shutil.copyfile(source, partial)
