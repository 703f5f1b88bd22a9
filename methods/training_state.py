"""All that a training depends on between two epochs, as plain arrays: what resumes from them ends in the same bits.

Weights, the optimiser's moments, the schedule's place, the random streams, and how far the training says it is. No
pickle: numbers are arrays, the rest is JSON.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from methods.training_place import Place


class LearningSchedule(Protocol):
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state_dict: dict[str, Any]) -> None: ...


@dataclass(frozen=True)
class TrainingState:
    """weights: all that has to come back, by name; they are changed in place alone, by the optimiser or otherwise."""

    weights: Mapping[str, torch.Tensor]
    optimiser: torch.optim.Optimizer
    schedule: LearningSchedule | None = None
    random: np.random.Generator | None = None

    def keep(self, place: Place, **progress: Any) -> None:
        if place.keep is None:
            return
        state = self.optimiser.state_dict()
        found = {f"weight.{name}": _array(value) for name, value in self.weights.items()}
        for number, moments in state["state"].items():
            found |= {f"moment.{number}.{name}": _array(value) for name, value in moments.items()}
        found["torch"] = torch.get_rng_state().numpy()
        if torch.cuda.is_available():
            found["cuda"] = torch.cuda.get_rng_state().numpy()
        facts = {
            "groups": state["param_groups"],
            "schedule": self.schedule.state_dict() if self.schedule else None,
            "random": self.random.bit_generator.state if self.random else None,
            "progress": progress,
        }
        found["facts"] = np.frombuffer(json.dumps(facts, default=_listed).encode(), np.uint8)
        place.keep(found)

    def resume(self, place: Place) -> dict[str, Any]:
        """The inverse of `keep`, in place; the progress until then, nothing where nothing was kept."""
        if place.found is None:
            return {}
        kept, facts = place.found, place.facts
        with torch.no_grad():
            for name, value in self.weights.items():
                value.copy_(torch.from_numpy(kept[f"weight.{name}"]))
        parameters = [each for group in self.optimiser.param_groups for each in group["params"]]
        state: dict[int, dict[str, torch.Tensor]] = {}
        for key in kept:
            if key.startswith("moment."):
                _, number, name = key.split(".", 2)
                state.setdefault(int(number), {})[name] = _like(parameters[int(number)], kept[key])
        self.optimiser.load_state_dict({"state": state, "param_groups": facts["groups"]})
        if self.schedule:
            self.schedule.load_state_dict(facts["schedule"])
        if self.random:
            self.random.bit_generator.state = facts["random"]
        torch.set_rng_state(torch.from_numpy(kept["torch"].copy()))
        if torch.cuda.is_available() and "cuda" in kept:
            torch.cuda.set_rng_state(torch.from_numpy(kept["cuda"].copy()))
        return place.progress


def _array(value: Any) -> NDArray[Any]:
    """A copy: the training goes on in the tensor."""
    return np.array(torch.as_tensor(value).detach().cpu().numpy())


def _like(parameter: torch.Tensor, kept: NDArray[Any]) -> torch.Tensor:
    """A moment in its parameter's layout in memory, on which the last bits of a step may depend."""
    value = torch.from_numpy(kept.copy())
    return torch.empty_like(parameter).copy_(value) if value.shape == parameter.shape else value


def _listed(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no place in a training state")
