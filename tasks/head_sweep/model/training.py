"""All that is trained on one encoder's rows, chunk by chunk: finished chunks are kept, so that a killed run goes on."""

import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methods.heads.plan import SweepPlan
from methods.heads.rows import HeadData
from methods.heads.specs import HeadSpec
from methods.heads.sweep import (
    Chunk,
    chunks,
    finished_run,
    flops,
    head_data,
    logit_divisor,
    parameter_count,
    state_logits,
)
from methods.heads.training import Status, TrainedState, train_lanes
from storage.files.finished import Finished
from storage.files.inputs import InputError
from storage.heads.embeddings import Embeddings

STATUSES: tuple[Status, ...] = ("stopped early", "ran all epochs", "diverged")
SCORED = ("validation", "test")  # test labels are compare's alone
Arrays = dict[str, NDArray[Any]]


class EncoderTraining:
    """One encoder's rows, and what is trained on them."""

    def __init__(self, seen: Embeddings, path: Path, device: str) -> None:
        place = {name: number for number, name in enumerate(seen.classes)}
        self.labels = np.array([place[label] for label in seen.labels], np.int64)
        self.split = np.array(seen.split)
        self.values, self.foreground, self.classes = seen.values, len(seen.foreground), seen.classes
        check(seen, self.labels, path)
        self.data: HeadData = head_data(
            seen.values, self.labels, self.split, len(seen.classes), device=device
        )

    def rows(self, split: str) -> NDArray[np.float32]:
        return np.compress(self.split == split, self.values, axis=0)

    def states(self, planned: SweepPlan, finished: Finished) -> dict[HeadSpec, dict[str, Any]]:
        """state -> its parameters, logits and facts."""
        every = chunks(planned, self.values.shape[1], len(self.classes))
        states: dict[HeadSpec, dict[str, Any]] = {}
        for number, chunk in enumerate(every):
            started = time.perf_counter()
            unit = finished.unit(f"chunk_{number}", lambda chunk=chunk: self._chunk(chunk))  # type: ignore[misc]
            for place, state in enumerate(chunk.states):
                states[state] = _state(unit, place)
            sys.stdout.write(
                f"{number + 1}/{len(every)}: {len(chunk.trainings)} trainings, {len(chunk.forks)} forks of "
                f"{chunk.trainings[0].recipe} and the like, {time.perf_counter() - started:.1f} s\n"
            )
        return states

    def facts(self, spec: HeadSpec, entry: Mapping[str, str], state: Mapping[str, Any]) -> dict[str, Any]:
        """One run, evaluated on validation alone."""
        trained: TrainedState = state["state"]
        validation = self.split == "validation"
        run = finished_run(
            spec, trained, self.data, self.values[validation], self.labels[validation], self.foreground,
            raw=state["logits"]["validation"],
        )  # fmt: skip
        shape = (self.values.shape[1], len(self.classes))
        cost = flops(spec, run.steps, run.epochs, *shape, int(validation.sum()))
        return {
            **entry,
            "state": spec.state.id,
            "status": run.status,
            "best_epoch": run.best_epoch,
            "epochs": run.epochs,
            "steps": run.steps[0],
            "second_phase_steps": run.steps[1],
            "parameters": parameter_count(spec, *shape),
            "flops": cost.total,
            "first_phase_flops": cost.first_phase,
            "second_phase_flops": cost.second_phase,
            "evaluation_flops": cost.evaluation,
            "prior_offsets": run.prior_offsets.tolist(),
            "temperature": logit_divisor(run.temperature),
            "temperature_status": run.temperature.status if run.temperature else "not fitted",
            "validation": asdict(run.metrics) if run.metrics else None,
        }

    def _chunk(self, chunk: Chunk) -> Arrays:
        arrays: Arrays = {}
        for place, state in enumerate(train_lanes(chunk.trainings, chunk.forks, self.data)):
            weights = {name: value.cpu().numpy() for name, value in state.parameters.items()}
            arrays |= {f"{place}/parameters/{name}": value for name, value in weights.items()}
            if state.status != "diverged":
                arrays |= {
                    f"{place}/logits/{split}": state_logits(
                        state.spec, weights, self.data.mean, self.data.spread, len(self.classes), self.rows(split)
                    )
                    for split in SCORED
                }  # fmt: skip
            arrays[f"{place}/counts"] = np.array(
                [STATUSES.index(state.status), state.best_epoch, state.epochs, *state.steps], np.int64
            )
            arrays[f"{place}/loss"] = np.array(state.validation_loss)
            arrays[f"{place}/id"] = np.array(state.spec.id)
        return arrays


def check(seen: Embeddings, labels: NDArray[np.int64], path: Path) -> None:
    """InputError for rows that no sweep can judge: classes are named here."""
    side = path.with_suffix(".json")
    in_train = np.array(seen.split) == "train"
    groups = np.array(seen.groups)
    for number, name in enumerate(seen.classes):
        own = labels == number
        if not (own & in_train).any():
            raise InputError(
                side, f"class {name!r} has no train row; leave the class out, or split anew", field="labels"
            )
        if number < len(seen.foreground) and len(np.unique(groups[own])) < 2:
            raise InputError(
                side,
                f"class {name!r} stands in one group only, so nothing says how it looks elsewhere; leave it out or "
                "collect more",
                field="groups",
            )
    for split in SCORED:
        if not (np.array(seen.split) == split).any():
            raise InputError(side, f"there is no {split} row", field="split")


def _state(unit: Arrays, place: int) -> dict[str, Any]:
    parameters = _under(unit, f"{place}/parameters/")
    status, best, epochs, first, second = unit[f"{place}/counts"].tolist()
    state = TrainedState(
        HeadSpec.parse(str(unit[f"{place}/id"])), STATUSES[status], best, epochs, (first, second),
        float(unit[f"{place}/loss"]), {},
    )  # fmt: skip
    return {"state": state, "parameters": parameters, "logits": _under(unit, f"{place}/logits/")}


def _under(unit: Arrays, prefix: str) -> Arrays:
    return {name.removeprefix(prefix): value for name, value in unit.items() if name.startswith(prefix)}
