"""JSON and text, byte-stable: sorted by the writer, one final newline, no NaN."""

import json
from pathlib import Path
from typing import Any

from storage.files.atomic import complete

SIGNIFICANT_DIGITS = 6  # of floats in tables and decisions


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def write_text(path: Path, text: str) -> None:
    with complete(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")
