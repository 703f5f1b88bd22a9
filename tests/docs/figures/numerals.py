"""What a figure is: every numeral of a page outside of commands, code spans, link targets and comments."""

import re
from dataclasses import dataclass

NUMBER = r"(?:(?<!\w)[+-])?(?<![\w.])(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,]*\d)|\d+(?:\.\d+)*|\.\d+)(?:e[+-]?\d+)?(?:\s?%)?"
NUMERAL = re.compile(NUMBER)
FENCE = re.compile(r"^(?P<marks>`{3,}|~{3,})(?P<language>\w*).*?^(?P=marks)[^\n]*$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:(?<=\n\n)|\A)(?: {4}[^\n]*\n|\n(?=\n* {4}))+")
COMMAND = re.compile(
    r" {4}(?:[.(!$]|(?:make|git|dvc|dask|python|uv|mkdir|cp|cat|ls|cut|curl|printf|echo|nvidia-smi)\b)"
)
HIDDEN = re.compile(
    r"<!--.*?-->|`[^`\n]+`|\]\([^)\n]*\)|https?://\S+|(?:(?<=\n)|\A)#* *\d+\. (?=\S)",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Numeral:
    text: str
    start: int
    end: int


def visible(page: str) -> str:
    """The page with blanks where no figure is looked for; offsets and lines stay."""
    text = FENCE.sub(lambda found: found[0] if found["language"] == "text" else _blank(found[0]), page)
    text = INDENTED.sub(lambda found: _commands(found[0]), text)
    return HIDDEN.sub(lambda found: _blank(found[0]), text)


def _commands(block: str) -> str:
    """A block of commands is blank but for the tables that they print; other blocks are output."""
    if not COMMAND.match(block.lstrip("\n")):
        return block
    return "\n".join(line if line.startswith("    |") else _blank(line) for line in block.split("\n"))


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def numerals(text: str) -> list[Numeral]:
    return [Numeral(found[0], found.start(), found.end()) for found in NUMERAL.finditer(text)]


def value_of(numeral: str) -> float:
    bare = numeral.rstrip("% ").replace(",", "")
    return float(bare) / (100 if "%" in numeral else 1)


def typed_as(value: float, numeral: str) -> str:
    """The value with as many digits, and in the form, of the numeral: sign, percent, thousands, no leading zero."""
    percent, bare = "%" in numeral, numeral.rstrip("% ")
    value = value * 100 if percent else value
    digits = re.sub(r"e.*", "", bare).partition(".")[2]
    signed = "+" if bare[0] == "+" else ""
    if "e" in bare:
        return f"{value:{signed}.{len(digits)}e}".replace("e+0", "e").replace("e+", "e")
    text = f"{value:{signed}{',' if ',' in bare else ''}.{len(digits)}f}"
    text = re.sub(r"^([+-]?)0\.", r"\1.", text) if re.match(r"[+-]?\.", bare) else text
    return text + numeral[len(bare) :]
