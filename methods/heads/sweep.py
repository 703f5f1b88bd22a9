"""Heads on cached embeddings: a recipe, what a list of recipes has to train, the training, and scoring with the result."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from methods.calibration.temperature import TemperatureFit, fit_temperature
from methods.heads.batches import StreamKey
from methods.heads.lanes import Lanes
from methods.heads.metrics import HeadMetrics, head_metrics
from methods.heads.plan import SweepPlan, plan
from methods.heads.rows import HeadData, unit_rows
from methods.heads.shapes import Shape
from methods.heads.specs import HeadSpec
from methods.heads.training import Status, TrainedState, evaluated, log_prior, train_lanes

__all__ = ["HeadSpec", "SweepPlan", "TrainedHead", "plan", "train_heads"]

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

CACHE_BYTES = 1 << 23  # parameters, gradients and moments of the lanes of a chunk
MOST_LANES = 32


@dataclass(frozen=True)
class TrainedHead:
    """One run: weights (shared by runs that differ after training only) and what is done to their logits.

    mean, spread (inputs,): of the unit rows of train, applied where the spec standardises. prior_offsets (classes,)
    are log prior of the stream that trained the last layer; logits at inference are those of the weights less adjust_infer times these, over
    the temperature. metrics are of the validation rows; empty (None) where the run diverged.
    """

    spec: HeadSpec
    status: Status
    best_epoch: int
    epochs: int
    steps: tuple[int, int]
    classes: int
    parameters: dict[str, NDArray[np.float32]]
    mean: Floats
    spread: Floats
    prior_offsets: Floats
    temperature: TemperatureFit | None
    metrics: HeadMetrics | None

    def raw_logits(self, embeddings: ArrayLike) -> NDArray[np.float32]:
        """(n, classes) of the weights alone: unadjusted, at temperature 1. embeddings as the encoder gave them."""
        return state_logits(self.spec, self.parameters, self.mean, self.spread, self.classes, embeddings)

    def logits(self, embeddings: ArrayLike, adjust: float | None = None) -> Floats:
        """(n, classes); `adjust` in place of the spec's adjust_infer, as new data may have another prior."""
        tau = self.spec.adjust_infer if adjust is None else adjust
        return at_inference(
            self.raw_logits(embeddings), tau, self.prior_offsets, logit_divisor(self.temperature)
        )


@dataclass(frozen=True)
class Chunk:
    """Trainings of one shape that go side by side, and the forks that go on from them."""

    trainings: tuple[HeadSpec, ...]
    forks: tuple[HeadSpec, ...]

    @property
    def states(self) -> tuple[HeadSpec, ...]:
        """In the order of `train_lanes`."""
        return (*self.trainings, *self.forks)


def train_heads(
    embeddings: ArrayLike, labels: ArrayLike, groups: ArrayLike, specs: Sequence[HeadSpec], *, split: ArrayLike,
    foreground: int, device: str = "cpu", dtype: torch.dtype = torch.float32,
) -> list[TrainedHead]:  # fmt: skip
    """One head per spec, in order.

    embeddings (n, d) as the encoder gave them, labels (n,) 0..k-1 with foreground classes before background, split
    (n,) train, validation or test: test rows are not looked at. ValueError for a class without a train row or with
    one group, a group in two splits, a row of norm 0, or specs with one id.
    """
    check_rows(labels, groups, split)
    rows, label = np.asarray(embeddings), np.asarray(labels, np.int64)
    classes = int(label.max()) + 1
    data = head_data(rows, label, split, classes, dtype, device)
    planned = plan(specs)
    states: dict[HeadSpec, TrainedState] = {}
    for chunk in chunks(planned, rows.shape[1], classes):
        states |= {state.spec: state for state in train_lanes(chunk.trainings, chunk.forks, data)}
    validation = np.flatnonzero(np.asarray(split) == "validation")
    return [
        finished_run(spec, states[spec.state], data, rows[validation], label[validation], foreground)
        for spec in specs
    ]


def head_data(
    embeddings: NDArray[np.floating], labels: Index, split: ArrayLike, classes: int,
    dtype: torch.dtype = torch.float32, device: str = "cpu",
) -> HeadData:  # fmt: skip
    where = np.asarray(split)
    train, validation = (np.flatnonzero(where == name) for name in ("train", "validation"))
    return HeadData.of(embeddings, labels, train, validation, classes, dtype, torch.device(device))


def check_rows(labels: ArrayLike, groups: ArrayLike, split: ArrayLike) -> None:
    """ValueError for what no sweep can judge."""
    label, group, where = np.asarray(labels), np.asarray(groups), np.asarray(split)
    if unknown := sorted(set(where.tolist()) - {"train", "validation", "test"}):
        raise ValueError(f"unknown split {unknown[0]!r}; expected train, validation or test")
    for name in ("train", "validation"):
        if not (where == name).any():
            raise ValueError(f"no {name} row")
    for one, other in (("train", "validation"), ("train", "test"), ("validation", "test")):
        if shared := np.intersect1d(group[where == one], group[where == other]).tolist():
            raise ValueError(
                f"group {shared[0]!r} stands in {one} and in {other}; keep each group in one split"
            )
    present = np.unique(label)
    if missing := sorted(set(range(int(label.max()) + 1)) - set(label[where == "train"].tolist())):
        raise ValueError(f"class {missing[0]} has no train row; leave it out or split anew")
    for each in present:
        if len(np.unique(group[label == each])) < 2:
            raise ValueError(f"class {each} stands in one group only, so nothing says how it looks elsewhere")


def chunks(planned: SweepPlan, inputs: int, classes: int) -> list[Chunk]:
    """Lanes of one shape, those that see the same batches next to each other, as many as the cache holds."""
    shapes: dict[Shape, list[HeadSpec]] = {}
    for spec in planned.trainings:
        shapes.setdefault(Shape.of(spec, inputs, classes), []).append(spec)
    found = []
    for shape, specs in shapes.items():
        lanes = int(np.clip(CACHE_BYTES // (16 * shape.parameters), 2, MOST_LANES))
        ordered = sorted(specs, key=lambda spec: (StreamKey.of(spec, int(spec.standardise)), spec.id))
        for few in np.array_split(np.arange(len(specs)), -(-len(specs) // lanes)):
            own = tuple(ordered[i] for i in few)
            found.append(Chunk(own, tuple(fork for fork in planned.forks if fork.trained in own)))
    return found


def finished_run(
    spec: HeadSpec, state: TrainedState, data: HeadData, embeddings: NDArray[np.floating], labels: Index,
    foreground: int, raw: NDArray[np.float32] | None = None,
) -> TrainedHead:  # fmt: skip
    """A run from its weights: offsets, the temperature if it is calibrated, and metrics of the validation rows, whose
    logits may be given as `raw`."""
    parameters = {name: value.cpu().numpy() for name, value in state.parameters.items()}
    counts = np.bincount(data.train_labels, minlength=data.classes)
    prior = log_prior(spec, counts)
    temperature, metrics = None, None
    if state.status != "diverged":
        if raw is None:
            raw = state_logits(spec, parameters, data.mean, data.spread, data.classes, embeddings)
        adjusted = at_inference(raw, spec.adjust_infer, prior, 1.0)
        temperature = fit_temperature(adjusted, labels) if spec.calibrated else None
        divisor = logit_divisor(temperature)
        metrics = head_metrics(at_inference(raw, spec.adjust_infer, prior, divisor), labels, foreground)
    return TrainedHead(
        spec, state.status, state.best_epoch, state.epochs, state.steps, data.classes, parameters, data.mean,
        data.spread, prior, temperature, metrics,
    )  # fmt: skip


def at_inference(
    raw: NDArray[np.floating], adjust: float, prior_offsets: Floats, temperature: float
) -> Floats:
    return np.asarray((np.asarray(raw, np.float64) - adjust * prior_offsets) / temperature)


def logit_divisor(fit: TemperatureFit | None) -> float:
    """What logits are divided by. An infinite temperature (no finite one beats uniform probabilities) is not applied:
    it would make every answer the first class."""
    return fit.temperature if fit and np.isfinite(fit.temperature) else 1.0


def state_logits(
    spec: HeadSpec, parameters: dict[str, NDArray[np.float32]], mean: Floats, spread: Floats, classes: int,
    embeddings: ArrayLike,
) -> NDArray[np.float32]:  # fmt: skip
    """(n, classes) of one head's weights; the bits do not depend on how it was trained with others."""
    rows = unit_rows(np.asarray(embeddings))
    if spec.standardise:
        rows = (rows - mean) / spread
    weights = {name: torch.as_tensor(value) for name, value in parameters.items()}
    dtype = weights["w2"].dtype
    lane = _lane(spec, weights, rows.shape[1], classes)
    with torch.inference_mode():
        found: NDArray[np.float32] = evaluated(lane, torch.as_tensor(rows, dtype=dtype)).numpy()
    return found


@dataclass(frozen=True)
class Flops:
    """Multiplications and additions of matrix products, by phase. evaluation: of validation rows, to stop the first."""

    first_phase: int
    second_phase: int
    evaluation: int

    @property
    def total(self) -> int:
        return self.first_phase + self.second_phase + self.evaluation


def flops(
    spec: HeadSpec, state_steps: tuple[int, int], epochs: int, inputs: int, classes: int, validation: int
) -> Flops:
    """What a state cost, its first phase included wherever that was shared."""
    shape = Shape.of(spec, inputs, classes)
    second = shape if spec.hardmine else Shape.of(_last_layer(spec), shape.features, classes)
    return Flops(
        state_steps[0] * shape.step_flops,
        state_steps[1] * second.step_flops,
        epochs * validation * shape.row_flops,
    )


def parameter_count(spec: HeadSpec, inputs: int, classes: int) -> int:
    return Shape.of(spec, inputs, classes).parameters


def _last_layer(spec: HeadSpec) -> HeadSpec:
    return HeadSpec(spec.encoder, 0, spec.batch, spec.seed, "balanced", 0.0)


def _lane(spec: HeadSpec, weights: dict[str, torch.Tensor], inputs: int, classes: int) -> Lanes:
    state = {name: value[None] for name, value in weights.items()}
    for name, value in list(state.items()):
        state[f"moment.{name}"], state[f"square.{name}"] = torch.zeros_like(value), torch.zeros_like(value)
    shape, none = Shape.of(spec, inputs, classes), weights["w2"].new_zeros(1, 1, classes)
    return Lanes(shape, [0.0], [0.0], none, state | {"steps": torch.zeros(1)})
