"""Reading a large document leaves the interpreter as it was."""

import gc
from pathlib import Path
from typing import Any

import pytest

from storage.files import documents
from storage.files.inputs import InputError


@pytest.mark.parametrize("collecting", [True, False])
@pytest.mark.parametrize("text", ['[{"a": [1, 2.5, "ü"]}]', "[1,"])
def test_garbage_is_collected_after_reading_if_it_was_before(
    tmp_path: Path, text: str, collecting: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "some.json"
    path.write_text(text, encoding="utf-8")
    during: list[bool] = []
    parsed = documents.parsed_json

    def parsed_json(path: Path, text: str) -> Any:
        during.append(gc.isenabled())
        return parsed(path, text)

    monkeypatch.setattr(documents, "parsed_json", parsed_json)
    before = gc.isenabled()
    try:
        (gc.enable if collecting else gc.disable)()
        if text.endswith("]"):
            assert documents.read_foreign_json(path) == [{"a": [1, 2.5, "ü"]}]
        else:
            with pytest.raises(InputError, match="not JSON"):
                documents.read_foreign_json(path)
        assert gc.isenabled() == collecting
    finally:
        (gc.enable if before else gc.disable)()
    assert during == [False]
