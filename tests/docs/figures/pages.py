"""Every figure of a page against what it is said to be: a phrase of the page's list, or a bench's record."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.docs.figures.numerals import NUMBER, NUMERAL, numerals, typed_as, visible
from tests.docs.figures.sources import SourceError, source
from tests.imports import ROOT

LISTS = Path(__file__).parent / "lists"
WRITTEN = ROOT / "docs" / "reference"  # from models and schemas, by `make docs`
REASONS = LISTS / "reasons.txt"
NOT_COVERED: dict[str, str] = {}  # page: why nobody checks its figures
REGION = re.compile(r"<!-- (?P<record>recorded/\w+\.md) -->\n(?P<body>.*?)<!-- end -->", re.DOTALL)
SLOT = re.compile(r"(\{[^{}]+\}%?)")
REASON = re.compile(r"\s+~(?P<reason>[\w-]+)$")
SHORT = re.compile(r"(?P<name>[A-Z]\w*) = (?P<address>\S.*)")
USE = re.compile(r"(?<=[{'])[A-Z]\w*(?=[/\[#'])")
TO_ADD = "nothing says where it comes from: add a phrase to {list}, in the page's order, or write {{source}} for it"


@dataclass(frozen=True)
class Fault:
    """expected: what the page should have at this place, where that is known."""

    page: str
    line: int
    figure: str
    says: str
    span: tuple[int, int] | None = None
    expected: str | None = None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.figure or 'a phrase'}: {self.says}"


@dataclass
class Coverage:
    """Which spans are covered, and by what: a source, a record, or a literal's reason."""

    spans: list[tuple[int, int, str]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


@dataclass(frozen=True)
class Phrase:
    text: str
    reason: str
    number: int

    def pieces(self) -> list[tuple[str, str]]:
        """(kind, text): source, literal or words, as they follow."""
        found: list[tuple[str, str]] = []
        for index, part in enumerate(SLOT.split(self.text)):
            if index % 2:
                found.append(("source", part.replace("{", "").replace("}", "")))
                continue
            end = 0
            for numeral in numerals(part):
                found += [("words", part[end : numeral.start]), ("literal", numeral.text)]
                end = numeral.end
            found.append(("words", part[end:]))
        return [(kind, text) for kind, text in found if text]


def pages() -> list[str]:
    found = [ROOT / "README.md", ROOT / "bench" / "README.md", *(ROOT / "docs").rglob("*.md")]
    found = [page for page in found if page.parent != WRITTEN]
    return sorted(str(path.relative_to(ROOT)) for path in found)


def list_of(page: str) -> Path:
    return LISTS / Path(page).with_suffix(".txt")


def phrases(page: str) -> list[Phrase]:
    """A line each; `NAME = address` lines say what `{NAME/...}` stands for."""
    path = list_of(page)
    names: dict[str, str] = {}
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines() if path.exists() else [], 1):
        if short := SHORT.fullmatch(line):
            names[short["name"]] = short["address"]
        elif line.strip() and not line.startswith("# "):
            reason = REASON.search(line)
            text = USE.sub(lambda use: names.get(use[0], use[0]), REASON.sub("", line).strip())
            found.append(Phrase(text, reason["reason"] if reason else "", number))
    return found


@cache
def reasons() -> dict[str, str]:
    lines = (
        line.partition(": ") for line in REASONS.read_text(encoding="utf-8").splitlines() if line.strip()
    )
    return {name: why for name, _, why in lines}


def coverage(page: str, text: str) -> Coverage:
    done = Coverage([(match.start(), match.end(), "record") for match in REGION.finditer(text)])
    done.faults += _against_records(page, text)
    seen, cursor = prose(text), 0
    for phrase in phrases(page):
        cursor = _place(page, seen, phrase, cursor, done)
    for numeral in numerals(seen):
        if not any(start <= numeral.start and numeral.end <= end for start, end, _ in done.spans):
            says = TO_ADD.format(list=list_of(page).relative_to(ROOT))
            done.faults.append(Fault(page, _line(seen, numeral.start), numeral.text, says))
    done.faults.sort(key=lambda fault: fault.line)
    return done


def prose(text: str) -> str:
    """What is visible of a page outside of records."""
    return visible(REGION.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text))


def _place(page: str, seen: str, phrase: Phrase, cursor: int, done: Coverage) -> int:
    """Where the page goes on behind this phrase."""
    where = str(list_of(page).relative_to(ROOT))
    said: dict[str, Any] = {}
    for kind, text in phrase.pieces():
        try:
            said |= {text: source(text.removesuffix("%"))} if kind == "source" else {}
        except SourceError as error:
            done.faults.append(Fault(where, phrase.number, phrase.text, str(error)))
            said[text] = float("nan")
    found = _compiled(_pattern(phrase, said)).search(seen, cursor)
    if not found:
        says = f"expected behind this line by {where}:{phrase.number}: {phrase.text}"
        done.faults.append(Fault(page, _line(seen, cursor), "", says))
        return cursor
    figures = [(kind, text) for kind, text in phrase.pieces() if kind != "words"]
    for index, (kind, text) in enumerate(figures, 1):
        span = found.span(index)
        done.spans.append((*span, "source" if kind == "source" else phrase.reason))
        if kind == "source":
            done.faults += _against(page, seen, span, said[text], text)
        elif phrase.reason not in reasons():
            says = f"is typed by hand: write its {{source}}, or a reason of {REASONS.name} behind it, as ~setting"
            done.faults.append(Fault(where, phrase.number, text, says))
        elif seen[slice(*span)] != text:
            done.faults.append(Fault(page, _line(seen, span[0]), seen[slice(*span)], f"is {text} in {where}"))
    return found.end()


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _pattern(phrase: Phrase, said: dict[str, Any]) -> str:
    pieces = phrase.pieces()
    parts = []
    for index, (kind, text) in enumerate(pieces):
        if kind == "words":
            parts.append(re.sub(r"(?:\\?\s)+", r"\\s+", re.escape(text)))
        elif isinstance(said.get(text), str) and kind == "source":
            parts.append(r"(\S[^\n]*?)" + (r"(?=\s*(?:\n|\Z))" if index == len(pieces) - 1 else ""))
        else:
            parts.append(f"((?>{NUMBER}))")
    before = r"(?<!\w)" if re.match(r"\w", phrase.text) else ""
    if isinstance(said.get(pieces[0][1]), str):  # a text alone is a whole line
        before = r"(?:(?<=\n)|\A)[ \t]*"
    return before + "".join(parts) + (r"(?!\w)" if re.search(r"\w$", phrase.text) else "")


def _against(page: str, seen: str, span: tuple[int, int], said: Any, name: str) -> Iterator[Fault]:
    typed, line = seen[slice(*span)], _line(seen, span[0])
    if isinstance(said, str):
        if typed.split() != said.split():
            yield from _words(page, line, typed, " ".join(said.split()), name, span)
    elif not isinstance(said, int | float):
        yield Fault(page, line, typed, f"{name} is no number: {said}")
    elif (expected := typed_as(said, typed.rstrip("% ") + "%" * name.endswith("%"))) != typed:
        yield Fault(page, line, typed, f"is {expected} in {name} ({said})", span, expected)


def _words(
    page: str, line: int, typed: str, said: str, name: str, span: tuple[int, int] | None
) -> Iterator[Fault]:
    """Which figures differ, where the words are the same; else the line."""
    here, there = numerals(typed), numerals(said)
    if len(here) == len(there) and NUMERAL.sub("#", typed).split() == NUMERAL.sub("#", said).split():
        for one, other in zip(here, there, strict=True):
            if one.text != other.text:
                yield Fault(page, line, one.text, f"is {other.text} in {name}", span, said)
    else:
        yield Fault(page, line, typed, f"is {said} in {name}", span, said)


def _against_records(page: str, text: str) -> Iterator[Fault]:
    regions = list(REGION.finditer(text))
    for record in dict.fromkeys(match["record"] for match in regions):
        path = ROOT / "bench" / record
        if not path.exists():
            yield Fault(page, 1, record, "there is no such record; `python -m bench.record` writes it")
            continue
        said = printed(path)
        lines = [
            (match.start("body") + found.start(), found[0])
            for match in regions
            if match["record"] == record
            for found in re.finditer(r"^.*\S.*$", match["body"], re.MULTILINE)
        ]
        if len(lines) != len(said):
            yield Fault(
                page,
                _line(text, next(match.start() for match in regions if match["record"] == record)),
                record,
                f"has {len(said)} lines, the page {len(lines)}: --write puts them there",
            )
            continue
        for (start, line), expected in zip(lines, said, strict=True):
            if line != expected:
                yield from _words(
                    page, _line(text, start), line, expected, record, (start, start + len(line))
                )


def printed(record: Path) -> list[str]:
    """What the bench printed: its lines without the comment above them, which names the command."""
    return [line for line in record.read_text(encoding="utf-8").splitlines()[1:] if line.strip()]


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1
