"""All that a training run depends on between two epochs, as plain arrays: what resumes from them ends in the same bits.

Weights, the optimiser's moments, the schedule's place and the random streams. No pickle: numbers are arrays, the
rest is JSON.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]


class Schedule(Protocol):
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state_dict: dict[str, Any]) -> None: ...


class Place:
    """Where a training run is kept: `found` is what an earlier run left, or None; `keep` takes the next state."""

    def __init__(
        self, found: Mapping[str, NDArray[Any]] | None = None, keep: Callable[[Arrays], object] | None = None
    ) -> None:
        self.found, self._keep = found, keep

    def keep(self, make: Callable[[], Arrays]) -> None:
        if self._keep:
            self._keep(make())


def capture(
    weights: Mapping[str, torch.Tensor], optimiser: torch.optim.Optimizer, schedule: Schedule | None,
    random: np.random.Generator, losses: Iterable[float],
) -> Arrays:  # fmt: skip
    """weights by name, in the order of the optimiser's parameters where these are trained."""
    found: Arrays = {f"weight.{name}": value.detach().cpu().numpy() for name, value in weights.items()}
    state = optimiser.state_dict()
    for number, moments in state["state"].items():
        for name, value in moments.items():
            found[f"moment.{number}.{name}"] = torch.as_tensor(value).cpu().numpy()
    found["torch"] = torch.get_rng_state().numpy()
    if torch.cuda.is_available():
        found["cuda"] = torch.cuda.get_rng_state().numpy()
    found["losses"] = np.array(list(losses), np.float64)
    facts = {
        "groups": state["param_groups"],
        "schedule": schedule.state_dict() if schedule else None,
        "random": random.bit_generator.state,
    }
    found["facts"] = np.frombuffer(json.dumps(facts, default=_listed).encode(), np.uint8)
    return found


def restore(
    kept: Mapping[str, NDArray[Any]], weights: Mapping[str, torch.Tensor], optimiser: torch.optim.Optimizer,
    schedule: Schedule | None, random: np.random.Generator,
) -> list[float]:  # fmt: skip
    """The inverse of `capture`, in place; the losses until then."""
    facts = json.loads(kept["facts"].tobytes().decode())
    with torch.no_grad():
        for name, value in weights.items():
            value.copy_(torch.from_numpy(kept[f"weight.{name}"]))
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key in kept:
        if key.startswith("moment."):
            _, number, name = key.split(".", 2)
            state.setdefault(int(number), {})[name] = torch.from_numpy(kept[key].copy())
    optimiser.load_state_dict({"state": state, "param_groups": facts["groups"]})
    if schedule:
        schedule.load_state_dict(facts["schedule"])
    random.bit_generator.state = facts["random"]
    torch.set_rng_state(torch.from_numpy(kept["torch"].copy()))
    if torch.cuda.is_available() and "cuda" in kept:
        torch.cuda.set_rng_state(torch.from_numpy(kept["cuda"].copy()))
    return [float(loss) for loss in kept["losses"]]


def _listed(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no place in a training state")
