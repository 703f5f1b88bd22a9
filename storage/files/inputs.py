"""The one error for input that cannot be used: file, row, field, what was expected, what to do."""

from pathlib import Path


class InputError(ValueError):
    """Raised at the edge, once; the message is written for the person whose file it is."""

    def __init__(self, file: Path, problem: str, *, row: int | str | None = None, field: str | None = None):
        place = str(file)
        if row is not None:
            place += f", row {row}"
        if field is not None:
            place += f", field {field}"
        super().__init__(f"{place}: {problem}")
