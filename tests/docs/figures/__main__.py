"""Name each figure of the pages that is not what its source says.

python -m tests.docs.figures             # what does not fit, and what is covered by what
python -m tests.docs.figures --write     # the pages' figures anew from their sources
python -m tests.docs.figures --literals  # what is no result, with the reason of each
python -m tests.docs.figures --sketch docs/use.md   # phrases for the figures of a page that have none
"""

import argparse
import sys
from collections import Counter

from tests.docs.figures.pages import NOT_COVERED, coverage, pages, phrases, reasons
from tests.docs.figures.writing import rewritten, sketch
from tests.imports import ROOT


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.docs.figures", description="Figures against their sources."
    )
    parser.add_argument(
        "--write", action="store_true", help="write the pages' figures anew from their sources"
    )
    parser.add_argument("--literals", action="store_true", help="list what is no result, with its reason")
    parser.add_argument(
        "--sketch", metavar="PAGE", help="print phrases for the figures of a page that have none"
    )
    chosen = parser.parse_args(arguments)
    if chosen.sketch:
        say("\n".join(sketch(chosen.sketch, (ROOT / chosen.sketch).read_text(encoding="utf-8"))))
        return 0
    if chosen.literals:
        return literals()
    return checked(chosen.write)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def literals() -> int:
    why = reasons()
    for page in pages():
        for phrase in phrases(page):
            if phrase.reason:
                say(f"{page}: {phrase.text}: {why[phrase.reason]}")
    return 0


def checked(write: bool) -> int:
    counts, wrong = Counter[str](), 0
    for page in pages():
        path = ROOT / page
        text = path.read_text(encoding="utf-8")
        if page in NOT_COVERED:
            say(f"{page} is not covered: {NOT_COVERED[page]}")
            continue
        done = coverage(page, text)
        if write and (anew := rewritten(text, done.faults)) != text:
            path.write_text(anew, encoding="utf-8")
            say(f"{page}: written anew")
            done = coverage(page, anew)
        for fault in done.faults:
            sys.stderr.write(f"{fault}\n")
        wrong += len(done.faults)
        counts.update(what for _, _, what in done.spans)
    say("; ".join(f"{what} {count:,}" for what, count in counts.most_common()))
    say(f"{wrong} figures do not fit." if wrong else "Every figure of the pages is what its source says.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
