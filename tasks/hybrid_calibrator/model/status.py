"""A variant that the user's data lacks: each of its stages leaves a status in place of results, and compare says so."""

from pathlib import Path
from typing import Any

from storage.files.atomic import complete_folder
from storage.files.documents import read_json, write_json

AVAILABLE, UNAVAILABLE = "given", "not given"
STATUS = {"status": UNAVAILABLE}


def is_available(prepared: Path) -> bool:
    facts: dict[str, Any] = read_json(prepared)
    return bool(facts["status"] == AVAILABLE)


def write_status(folder: Path) -> None:
    with complete_folder(folder) as partial:
        write_json(partial / "status.json", STATUS)
