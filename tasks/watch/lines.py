"""What a watch says: a verdict over all promises, and a line for each; the words stand in words.j2."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from methods.sequential.mean_interval import mean_interval
from methods.sequential.mean_watch import Crossing, MeanWatch, WatchVerdict, rows_to_go, verdict
from methods.sequential.promises import Promise
from storage.files.markdown import rounded
from tasks.report.templates import Reason, render, sentences
from tasks.watch.record import WatchState, summary_of
from tasks.watch.taking import risk_of_each

WORDS, PAGE = "tasks/watch/words.j2", "tasks/watch/page.md.j2"
ORDER = {"broken": 0, "open": 1, "kept": 2}
SHOWN = 20
FAR = 1e7  # rows of which nobody should be told that they are missing


@dataclass(frozen=True)
class WatchLine:
    """Figures as people know them, without an interval where the figure is a ratio of sums. to_go: observations, None where there is no end in sight. shares: whether to print
    per cent."""

    name: str
    verdict: WatchVerdict
    figure: float
    low: float | None
    high: float | None
    allowed: float
    at_most: bool
    n: int
    unit: str
    broken: Crossing | None
    to_go: int | None
    shares: bool


def overall(state: WatchState) -> WatchVerdict:
    """Broken where one is, kept where all are."""
    said = {each.verdict for each in lines(state)}
    return "broken" if "broken" in said else "open" if "open" in said or not said else "kept"


def lines(state: WatchState) -> list[WatchLine]:
    """Broken ones first, then open ones."""
    found, risk = [], risk_of_each(state)
    for promise in state.promises:
        watch = state.means[promise.name]
        ends = _ends(promise, watch, risk)
        said = verdict(watch, risk)
        missing = rows_to_go(watch, risk) if said == "open" else 0.0
        found.append(
            WatchLine(
                name=promise.name,
                verdict=said,
                figure=promise.figure(watch.mean),
                low=min(ends, default=None),
                high=max(ends, default=None),
                allowed=rounded(promise.figure(promise.limit)),
                at_most=promise.at_most,
                n=watch.n,
                unit=promise.unit,
                broken=watch.broken,
                to_go=int(missing) + 1 if missing < FAR else None,
                shares={promise.zero, promise.one} == {0.0, 1.0},
            )
        )
    return sorted(found, key=lambda each: ORDER[each.verdict])


def _ends(promise: Promise, watch: MeanWatch, risk: float) -> list[float]:
    if watch.weight != watch.n:
        return []
    return [promise.figure(each) for each in mean_interval(watch.n, watch.bad, 1 - risk)]


def headline(state: WatchState) -> str:
    """One sentence, the verdict first."""
    by_verdict: dict[str, list[WatchLine]] = {said: [] for said in ORDER}
    for each in lines(state):
        by_verdict[each.verdict].append(each)
    return _said("headline", verdict=overall(state), **by_verdict, **summary_of(state))


def meaning(state: WatchState) -> str:
    """What to do."""
    return _said("meaning", verdict=overall(state))


def moved(state: WatchState) -> list[str]:
    """A sentence for each score that has moved, and what that asks for; by itself it is no alarm."""
    said = overall(state)
    return [
        _said("moved", name=name, crossing=each.moved, direction=each.direction, verdict=said)
        for name, each in state.ranks.items()
        if each.moved is not None
    ]


def sentences_of(line: WatchLine) -> tuple[str, str]:
    """What became of the promise, and the figures."""
    return _said("outcome", line=line), _said("figures", line=line)


def basis_sentence(state: WatchState) -> str:
    return _said("basis", risk=state.risk, promises=len(state.promises), era=state.era, **summary_of(state))


def page(state: WatchState, name: str) -> str:
    """Markdown, for a page of its own."""
    rows = [
        {**asdict(each), "outcome": sentences_of(each)[0], "figures": sentences_of(each)[1]} for each in lines(state)
    ]  # fmt: skip
    return render(
        PAGE, name=name, headline=headline(state), meaning=meaning(state), rows=rows[:SHOWN], more=len(rows) - SHOWN, moved=moved(state),
        basis=basis_sentence(state), batches=state.counted[-SHOWN:], earlier=max(len(state.counted) - SHOWN, 0),
    )  # fmt: skip


def shown(all_lines: Sequence[WatchLine]) -> tuple[list[WatchLine], int]:
    """The first ones, and how many there are besides."""
    return list(all_lines[:SHOWN]), max(len(all_lines) - SHOWN, 0)


def _said(kind: str, **figures: object) -> str:
    return sentences(WORDS, [Reason(kind, figures)])[0]
