"""The mean of paired differences between runs, with what is known of its luck."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class MeanDifference:
    """Of `pairs` pairs in `cells` cells. error: standard error; low, high: delta less and plus floor; p: two-sided. These
    are None where nothing says how much luck is in them."""

    pairs: int
    cells: int
    delta: float
    error: float | None = None
    floor: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None

    @property
    def above(self) -> bool:
        return self.low is not None and self.low > 0

    @property
    def below(self) -> bool:
        return self.high is not None and self.high < 0
