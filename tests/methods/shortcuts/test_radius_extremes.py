"""The worst bin and the spread hold their level although they are picked from the rows that they are judged on."""

import numpy as np
import pytest
from scipy.special import ndtri

from methods.shortcuts.evaluation import Estimate, Part, radius_bins
from methods.shortcuts.radius_extremes import least_bin, radius_spread, spread_positives_at_power
from tasks.lens_shortcuts.model.undefined import why
from tests.methods.shortcuts.test_evaluation import EDGES, LEVEL, part

BINS = [0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0]


def judged(some: Part, edges: list[float], least_count: int = 1) -> tuple[Estimate, Estimate]:
    bins = radius_bins(some, edges, LEVEL)
    return (
        radius_spread(some, edges, bins, least_count, LEVEL),
        least_bin(some, edges, bins, least_count, LEVEL),
    )


def drawn(rng: np.random.Generator, rows: int, auroc: list[float]) -> Part:
    """Half of the rows positive, as many in each bin, of known AUROC."""
    positive = np.arange(rows) < rows // 2
    number = np.arange(rows) % len(auroc)
    theta = np.where(positive, np.array(BINS)[number] + 0.01, np.nan)
    logits = rng.normal(size=rows) + np.where(positive, np.sqrt(2) * ndtri(np.array(auroc))[number], 0)
    return Part(logits[:, None], positive, theta, np.arange(rows), np.full(rows, -1))


def test_they_are_the_difference_and_the_least_of_the_bins() -> None:
    some = part(1000)
    values = [each.auroc.value or 0 for each in radius_bins(some, EDGES, LEVEL)]
    spread, worst = judged(some, EDGES)
    assert spread.value == pytest.approx(max(values) - min(values))
    assert worst.value == min(values)
    for found in (spread, worst):
        assert found.low is not None and found.value is not None and found.high is not None
        assert found.low < found.value < found.high
    assert spread.low is not None and spread.low > 0


def test_too_few_positives_leave_nothing_to_say() -> None:
    some = part()
    spread, worst = judged(some, EDGES, 10_000)
    assert (spread.status, worst.status) == ("undefined", "undefined")
    one = some.only(~some.positive | (some.theta_E < 1))
    spread, worst = judged(one, EDGES, 10)
    assert why(spread) == "fewer than two bins have 10 positives"
    assert worst.status == "ok"


def test_bins_without_any_error_claim_no_certainty() -> None:
    some = part(300)
    perfect = Part(some.positive[:, None].astype(float), some.positive, some.theta_E, some.groups, some.pairs)
    spread, worst = judged(perfect, EDGES)
    assert (spread.value, spread.low, worst.value, worst.high) == (0, 0, 1, 1)
    assert spread.high is not None and 0.05 < spread.high < 0.3
    assert worst.low is not None and worst.low < 0.95


@pytest.mark.parametrize("auroc", [[0.9] * 6, [0.8, 0.85, 0.9, 0.95, 0.97, 0.99]])
def test_truth_lies_within_as_often_as_promised(auroc: list[float]) -> None:
    rng, draws, held = np.random.default_rng(5), 150, np.zeros(2)
    for _ in range(draws):
        found = judged(drawn(rng, 300, auroc), BINS)
        for place, truth in enumerate((max(auroc) - min(auroc), min(auroc))):
            low, high = found[place].low, found[place].high
            assert low is not None and high is not None
            held[place] += low <= truth <= high
    assert (held / draws > 0.92).all()


def needed(some: Part, edge: float) -> int | None:
    bins = radius_bins(some, BINS, LEVEL)
    size = spread_positives_at_power(some, BINS, bins, 10, edge, LEVEL, 0.8)
    assert size is None or size.power >= 0.8
    return None if size is None else size.n


@pytest.mark.parametrize(("spread", "edge"), [(0.1, 0.2), (0.3, 0.2)])
def test_the_positives_that_are_said_to_decide_the_spread_do(spread: float, edge: float) -> None:
    rng, auroc = np.random.default_rng(7), [0.95 - spread, *[0.95] * 5]
    positives = needed(drawn(rng, 40_000, auroc), edge)
    assert positives is not None
    decided, draws = 0, 60
    for _ in range(draws):
        spread_found, _ = judged(drawn(rng, 2 * positives, auroc), BINS, 10)
        assert spread_found.low is not None and spread_found.high is not None
        decided += spread_found.high < edge if spread < edge else spread_found.low > edge
    assert 0.64 < decided / draws < 0.95


def test_nearer_to_the_edge_it_takes_more() -> None:
    some = drawn(np.random.default_rng(8), 4000, [0.8, *[0.95] * 5])
    sizes = [needed(some, edge) or 0 for edge in (0.18, 0.25, 0.4)]
    assert sizes[0] > sizes[1] > sizes[2] > 0
    assert (
        spread_positives_at_power(some, BINS, radius_bins(some, BINS, LEVEL), 10_000, 0.2, LEVEL, 0.8) is None
    )
