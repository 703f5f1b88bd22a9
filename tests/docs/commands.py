"""The command blocks of a page: indented by four spaces, or fenced as sh; word for word as a person copies them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import dedent

FENCE = re.compile(r"(?P<marks>`{3,}|~{3,})\s*(?P<language>\w*)")
DECLARATION = re.compile(r"<!--\s*not run:\s*(?P<why>.*?)\s*-->", re.DOTALL)
END = re.compile(r"^\s*$|-->\s*$")  # what an indented block may follow
SHELL = ("sh", "bash")


@dataclass(frozen=True)
class CommandBlock:
    """line: its first, as an editor counts. not_run: why nobody runs it; None: it is run."""

    line: int
    text: str
    not_run: str | None


def command_blocks(page: str) -> list[CommandBlock]:
    """Blocks in the page's order. `<!-- not run: why -->` above a block, with nothing but blank lines between, says
    why it is not run. Fences of other languages (yaml, json, text) are no commands."""
    return list(_blocks(page.splitlines()))


def _blocks(lines: list[str]) -> Iterator[CommandBlock]:
    number, above = 0, ""
    while number < len(lines):
        line, start = lines[number], number
        if fence := FENCE.match(line):
            number += 1
            while number < len(lines) and not lines[number].startswith(fence["marks"]):
                number += 1
            body, number = lines[start + 1 : number], number + 1
            if fence["language"] in SHELL:
                yield _block(start + 2, body, above)
            above = ""
        elif line.startswith("    ") and (start == 0 or END.search(lines[start - 1])):
            while number < len(lines) and (lines[number].startswith("    ") or not lines[number].strip()):
                number += 1
            yield _block(start + 1, lines[start:number], above)
            above = ""
        else:
            number += 1
            above = f"{above}\n{line}" if line.strip() or above else above
            above = above if "<!--" in line or "<!--" in above else ""


def _block(line: int, body: list[str], above: str) -> CommandBlock:
    declared = list(DECLARATION.finditer(above))
    last = declared[-1] if declared and not above[declared[-1].end() :].strip() else None
    return CommandBlock(line, dedent("\n".join(body)).strip("\n") + "\n", last["why"] if last else None)
