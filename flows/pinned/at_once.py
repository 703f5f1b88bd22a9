"""A text that is there whole or not at all."""

from contextlib import suppress
from pathlib import Path

from flows.pinned.errors import GraphError


def write_at_once(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text)
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise GraphError(f"{path.name} could not be written and is as it was: {error}") from error
