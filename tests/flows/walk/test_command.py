"""What a command that walked the stages prints at its end."""

from io import StringIO

from rich.console import Console

from flows.walk.command import summary
from flows.walk.order import StageOutcome

OUTCOMES = [
    StageOutcome("a", "skipped", "up to date"),
    StageOutcome("b", "ran", "code changed"),
    StageOutcome("c", "skipped", "up to date"),
    StageOutcome("d", "skipped", "its inputs came out the same"),
]


def printed(verbose: bool) -> list[list[str]]:
    console = Console(file=StringIO(), width=80)
    console.print(summary(OUTCOMES, verbose))
    return [line.split() for line in console.file.getvalue().splitlines()[1:]]  # type: ignore[attr-defined]


def test_what_was_skipped_is_a_line_for_each_reason() -> None:
    assert [line[:3] for line in printed(verbose=False)] == [
        ["b", "ran", "code"],
        ["2", "others", "skipped"],
        ["1", "other", "skipped"],
    ]


def test_verbosely_each_stage_has_its_line() -> None:
    assert [line[0] for line in printed(verbose=True)] == ["a", "b", "c", "d"]
