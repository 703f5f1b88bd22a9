"""Learning rates as functions of the step alone: nothing to save, nothing to restore."""

from math import cos, pi
from typing import Literal

Schedule = Literal["one_cycle", "cosine"]

WARM = 0.3  # share of the steps on which one_cycle rises
START, END = 25.0, 1e4  # it begins at peak / START and ends at peak / START / END
MOMENTUM = (0.85, 0.95)


def learning_rate(schedule: Schedule, step: int, steps: int, peak: float) -> tuple[float, float]:
    """(learning rate, beta1) of step 0 <= step < steps. Smith & Topin 2019; Loshchilov & Hutter 2017.

    one_cycle is torch's OneCycleLR with its defaults, cosine falls from the peak towards 0 and leaves beta1 alone.
    """
    if not 0 <= step < steps:
        raise ValueError(f"expected a step from 0 to {steps - 1}, got {step}")
    if schedule == "cosine":
        return _between(peak, 0.0, step / steps), 0.9
    top = WARM * steps - 1
    low, high = MOMENTUM
    if step <= top:
        return _between(peak / START, peak, step / top), _between(high, low, step / top)
    share = (step - top) / (steps - 1 - top)
    return _between(peak, peak / START / END, share), _between(low, high, share)


def _between(first: float, last: float, share: float) -> float:
    return last + (first - last) * (1 + cos(pi * share)) / 2
