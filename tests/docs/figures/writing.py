"""A page's figures anew from their sources, and phrases for those that have none."""

import re
from collections.abc import Iterator

from tests.docs.figures.numerals import numerals
from tests.docs.figures.pages import REGION, Fault, coverage, prose
from tests.imports import ROOT


def rewritten(text: str, faults: list[Fault]) -> str:
    """The page with every figure that a source or record says otherwise."""
    spans = {fault.span: fault.expected for fault in faults if fault.span and fault.expected is not None}
    for (start, end), expected in sorted(spans.items(), reverse=True):
        text = text[:start] + str(expected) + text[end:]
    return _with_records(text)


def _with_records(text: str) -> str:
    """Each region with as many blocks of its record as it has; one that is alone with all of them."""
    regions = list(REGION.finditer(text))
    bodies: dict[int, str] = {}
    for record in {match["record"] for match in regions}:
        own = [match for match in regions if match["record"] == record]
        here = [_blocks(match["body"]) for match in own]
        said = _blocks("\n".join((ROOT / "bench" / record).read_text(encoding="utf-8").splitlines()[1:]))
        if len(own) == 1 or sum(map(len, here)) == len(said):
            for match, blocks in zip(own, here, strict=True):
                taken = said if len(own) == 1 else said[: len(blocks)]
                said = said[len(taken) :]
                bodies[match.start("body")] = "\n\n".join(taken)
    for match in reversed(regions):
        if body := bodies.get(match.start("body")):
            text = f"{text[: match.start('body')]}\n{body}\n\n{text[match.end('body') :]}"
    return text


def _blocks(text: str) -> list[str]:
    return [block.strip("\n") for block in re.split(r"\n\s*\n", text.strip()) if block.strip()]


def sketch(page: str, text: str) -> Iterator[str]:
    """A phrase for each figure that has none, to be put in the page's list and bound."""
    seen = prose(text)
    covered = coverage(page, text).spans
    open_ = [
        each for each in numerals(seen) if not any(s <= each.start and each.end <= e for s, e, _ in covered)
    ]
    index = 0
    while index < len(open_):
        first = last = open_[index]
        while index + 1 < len(open_) and _near(seen[last.end : open_[index + 1].start]):
            index, last = index + 1, open_[index + 1]
        index += 1
        before = re.search(r"(?:[^\s\d]+ ){0,3}[^\s\d]*\Z", seen[max(0, first.start - 60) : first.start])
        after = re.match(r"[^\s\d]*(?: [^\s\d~]+){0,2}", seen[last.end : last.end + 40])
        words = (before[0] if before else "") + seen[first.start : last.end] + (after[0] if after else "")
        yield words.strip()


def _near(gap: str) -> bool:
    return "\n" not in gap and "   " not in gap and len(gap.split()) <= 3
