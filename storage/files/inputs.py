"""The one error for input that cannot be used: file, row, field, what was expected, what to do."""

from pathlib import Path

LONGEST = 60  # characters of a value that an error shows
NOT_UTF8 = "not UTF-8; save the file as UTF-8 (of Windows: iconv -f WINDOWS-1252 -t UTF-8)"


class InputError(ValueError):
    """Raised at the edge, once; the message is written for the person whose file it is."""

    def __init__(self, file: Path, problem: str, *, row: int | str | None = None, field: str | None = None):
        place = str(file)
        if row is not None:
            place += f", row {row}"
        if field is not None:
            place += f", field {shown(field)[1:-1]}"
        super().__init__(f"{place}: {problem}")


def first_line(error: BaseException) -> str:
    """What a library said, short and printable."""
    line = (str(error).splitlines() or [type(error).__name__])[0][: 2 * LONGEST]
    return "".join(character if character.isprintable() else "?" for character in line)


def shown(value: object) -> str:
    """The value as a message quotes it: on one line, cut where it is long."""
    value = (
        getattr(value, "item", lambda: value)() if getattr(value, "ndim", None) == 0 else value
    )  # of numpy
    text = repr(value[: 2 * LONGEST] if isinstance(value, str | bytes) else value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]}...{text[-1]}"
