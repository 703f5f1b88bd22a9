"""The two errors of a service: the export cannot be used, or an input cannot; each is one line."""

from pathlib import Path

LONGEST = 60  # characters of a value that an error shows


class ExportError(ValueError):
    """The folder is not what was exported; the message says which file, why, and what to do."""

    def __init__(self, file: Path | str, problem: str) -> None:
        super().__init__(f"{file}: {problem}")


class RecordError(ValueError):
    """An input is not what schema.json says. row: its position, from 0 on; None where all rows lack the field. The
    message counts rows from 1 on."""

    def __init__(self, problem: str, *, field: str | None = None, row: int | None = None) -> None:
        self.problem, self.field, self.row = problem, field, row
        places = [f"row {row + 1}"] if row is not None else []
        places += [f"field {shown(field)[1:-1]}"] if field is not None else []
        super().__init__(": ".join([", ".join(places), problem] if places else [problem]))


def shown(value: object) -> str:
    """As a message quotes it: on one line, cut where it is long."""
    value = getattr(value, "item", lambda: value)() if getattr(value, "ndim", None) == 0 else value
    text = repr(value[: 2 * LONGEST] if isinstance(value, str | bytes) else value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]}...{text[-1]}"


def listed(names: object, most: int = 5) -> str:
    """The first few of several names."""
    each = [shown(str(name))[1:-1] for name in (names if isinstance(names, list | tuple | dict) else [names])]
    return ", ".join(each[:most]) + (f" and {len(each) - most} more" if len(each) > most else "")
