"""Train lanes of one shape: early stopping lane by lane, lanes that have stopped closed up, second phases as forks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from methods.heads.batches import RowSource, StreamKey, Targets, epoch_batches
from methods.heads.class_weights import effective_number, stream_prior
from methods.heads.draws import ClassRows
from methods.heads.lanes import EVALUATED_ROWS, Lanes, State, initial_state, joined
from methods.heads.rows import HeadData
from methods.heads.shapes import Shape
from methods.heads.specs import LANE_WIDTH, HeadSpec

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Status = Literal["stopped early", "ran all epochs", "diverged"]

WRONG, UNSURE = 3.0, 2.0  # what hard rows weigh
SLOW = 0.15  # of the best epoch: the slower a loss falls, the longer its noise hides that (bench/head_convergence.py)
SURE_TOP, SURE_MARGIN = 0.65, 0.15


@dataclass(frozen=True)
class TrainedState:
    """Weights of one recipe. best_epoch counts from 1; 0 where the first epoch diverged. steps: of AdamW, of the
    first phase and of the second."""

    spec: HeadSpec
    status: Status
    best_epoch: int
    epochs: int
    steps: tuple[int, int]
    validation_loss: float
    parameters: dict[str, Tensor]


@dataclass
class _Best:
    loss: float = np.inf
    epoch: int = 0
    state: State | None = None


def class_weights(spec: HeadSpec, counts: Index) -> Floats:
    return np.ones(len(counts)) if spec.effective is None else effective_number(counts, spec.effective)


def log_prior(spec: HeadSpec, counts: Index) -> Floats:
    """(k,) log of the class shares in the stream that the last layer is trained on, cRT's where there is one."""
    return np.log(stream_prior(counts, class_weights(spec, counts), spec.last_sampler == "balanced"))


def hard_weights(logits: Tensor, labels: Tensor) -> Tensor:
    """(n,) what each row weighs in hard mining: 3 where the answer is wrong, 2 where the top share is below .65 or less
    than .15 above the next, else 1. logits (n, k), labels (n,)."""
    top = torch.softmax(logits, 1).topk(2, dim=1)
    wrong = top.indices[:, 0] != labels
    unsure = (top.values[:, 0] < SURE_TOP) | (top.values[:, 0] - top.values[:, 1] < SURE_MARGIN)
    plain = torch.ones_like(top.values[:, 0])
    return torch.where(wrong, WRONG * plain, torch.where(unsure, UNSURE * plain, plain))


def train_lanes(specs: Sequence[HeadSpec], forks: Sequence[HeadSpec], data: HeadData) -> list[TrainedState]:
    """First phases of `specs`, all of one shape, then of `forks` whose first phase is among them, in that order."""
    trainer = _Trainer(data)
    firsts = trainer.first_phases(specs)
    states = [trained for trained, _ in firsts]
    by_spec = {trained.spec: (trained, best) for trained, best in firsts}
    mined = [fork for fork in forks if fork.hardmine]
    retrained = [fork for fork in forks if fork.retrain]
    second: dict[HeadSpec, TrainedState] = {}
    for chosen, phase in ((mined, trainer.hard_mining), (retrained, trainer.retraining)):
        for length in dict.fromkeys(_length(fork) for fork in chosen):
            these = [fork for fork in chosen if _length(fork) == length]
            going = [fork for fork in these if by_spec[fork.trained][1] is not None]
            for fork in these:
                if fork not in going:
                    second[fork] = replace(by_spec[fork.trained][0], spec=fork)
            if going:
                bests = [by_spec[fork.trained] for fork in going]
                second |= {state.spec: state for state in phase(going, bests)}
    return [*states, *(second[fork] for fork in forks)]


def _length(fork: HeadSpec) -> tuple[int, object]:
    return fork.hardmine, fork.retrain


class _Trainer:
    def __init__(self, data: HeadData) -> None:
        self.data = data
        first = data.train[0]
        self.dtype, self.device = first.dtype, first.device
        self.rows = ClassRows.of(data.train_labels, data.classes)
        ones = first.new_ones(first.shape[1])
        spread = torch.tensor(data.spread, dtype=self.dtype, device=self.device)
        labels = torch.tensor(data.train_labels, device=self.device)
        self.source = RowSource(list(data.train), [spread, ones], labels, self.rows)

    def first_phases(self, specs: Sequence[HeadSpec]) -> list[tuple[TrainedState, State | None]]:
        """Each with its best state, None where it diverged before there was one."""
        shape = Shape.of(specs[0], self.data.train[0].shape[1], self.data.classes)
        state = initial_state(shape, [spec.seed for spec in specs], self.dtype, self.device)
        lanes = self._lanes(shape, specs, state)
        targets, keys = self._targets(specs), self._keys(specs)
        yardstick = _Yardstick(specs, self.data, targets, lanes.offsets)
        best = [_Best() for _ in specs]
        status: list[Status] = ["ran all epochs"] * len(specs)
        epochs = [0] * len(specs)
        active, epoch = list(range(len(specs))), 0
        while active:
            epoch += 1
            for batch in epoch_batches(shape, keys, targets, self.source, "train", epoch):
                lanes.step(batch)
            losses = yardstick.losses(lanes)
            staying = []
            for place, (lane, loss) in enumerate(zip(active, losses, strict=True)):
                epochs[lane] = epoch
                if not np.isfinite(loss):
                    status[lane] = "diverged"
                    continue
                if loss < best[lane].loss:
                    best[lane] = _Best(loss, epoch, lanes.snapshot(place))
                if epoch - best[lane].epoch >= max(specs[lane].patience, SLOW * best[lane].epoch):
                    status[lane] = "stopped early"
                elif epoch < specs[lane].epochs:
                    staying.append(place)
            if len(staying) < len(active):
                active = [active[place] for place in staying]
                if active:
                    lanes, targets = lanes.kept(staying), targets.kept(staying)
                    keys, yardstick = [keys[place] for place in staying], yardstick.kept(staying)
        steps = -(-len(self.rows.order) // shape.batch)
        return [
            (
                TrainedState(
                    spec, status[lane], best[lane].epoch, epochs[lane], (epochs[lane] * steps, 0), best[lane].loss,
                    _parameters(best[lane].state),
                ),
                best[lane].state if status[lane] != "diverged" else None,
            )
            for lane, spec in enumerate(specs)
        ]  # fmt: skip

    def hard_mining(
        self, specs: Sequence[HeadSpec], firsts: list[tuple[TrainedState, State | None]]
    ) -> list[TrainedState]:
        """So many epochs on from the best state, its moments included; rows that it gets wrong or is unsure of weigh
        more. What the last of these epochs leaves is the result."""
        shape = Shape.of(specs[0], self.data.train[0].shape[1], self.data.classes)
        lanes = self._lanes(shape, specs, joined([best for _, best in firsts if best is not None]))
        hardness = torch.stack([self._hardness(lanes, lane, spec) for lane, spec in enumerate(specs)])
        targets = replace(self._targets(specs), hardness=hardness)
        for epoch in range(1, specs[0].hardmine + 1):
            for batch in epoch_batches(shape, self._keys(specs), targets, self.source, "hardmine", epoch):
                lanes.step(batch)
        losses = _Yardstick(specs, self.data, self._targets(specs), lanes.offsets).losses(lanes)
        return self._second(
            specs, firsts, specs[0].hardmine, losses, [lanes.snapshot(i) for i in range(len(specs))]
        )

    def retraining(
        self, specs: Sequence[HeadSpec], firsts: list[tuple[TrainedState, State | None]]
    ) -> list[TrainedState]:
        """cRT: a new last layer on the features of the best state, by the plain smoothed cross-entropy: no mixup, no
        dropout, no weights, as those belong to the representation."""
        retrain = specs[0].retrain
        assert retrain is not None
        shape = Shape.of(specs[0], self.data.train[0].shape[1], self.data.classes)
        states = [best for _, best in firsts if best is not None]
        trunk = self._lanes(shape, specs, joined(states))
        last = [
            HeadSpec(
                spec.encoder, 0, spec.batch, spec.seed, retrain.sampler, 0.0, smoothing=spec.smoothing, dropout=0.0,
                learning_rate=spec.learning_rate, weight_decay=spec.weight_decay,
            )
            for spec in specs
        ]  # fmt: skip
        narrow = Shape.of(last[0], shape.features, shape.classes)
        features = [self._of_train(trunk, lane, spec, "features") for lane, spec in enumerate(specs)]
        source = replace(self.source, matrices=features, spreads=[each.new_ones(1) for each in features])
        fresh = initial_state(narrow, [spec.seed for spec in specs], self.dtype, self.device, "retrain ")
        lanes = self._lanes(narrow, last, fresh)
        keys = [StreamKey.of(spec, lane) for lane, spec in enumerate(last)]
        for epoch in range(1, retrain.epochs + 1):
            for batch in epoch_batches(narrow, keys, self._targets(last), source, "retrain", epoch):
                lanes.step(batch)
        merged = [
            state | {name: lanes.snapshot(i)[name] for name in ("w2", "b2")} for i, state in enumerate(states)
        ]
        whole = self._lanes(shape, specs, joined(merged))
        losses = _Yardstick(specs, self.data, self._targets(last), whole.offsets).losses(whole)
        return self._second(specs, firsts, retrain.epochs, losses, merged)

    def _second(
        self, specs: Sequence[HeadSpec], firsts: list[tuple[TrainedState, State | None]], epochs: int,
        losses: list[float], states: list[State],
    ) -> list[TrainedState]:  # fmt: skip
        steps = epochs * -(-len(self.rows.order) // specs[0].batch)
        return [
            replace(
                first, spec=spec, steps=(first.steps[0], steps), validation_loss=loss, parameters=_parameters(state),
                status=first.status if np.isfinite(loss) else "diverged",
            )
            for spec, (first, _), loss, state in zip(specs, firsts, losses, states, strict=True)
        ]  # fmt: skip

    def _lanes(self, shape: Shape, specs: Sequence[HeadSpec], state: State) -> Lanes:
        offsets = np.stack([spec.adjust_train * log_prior(spec, self.rows.counts) for spec in specs])
        return Lanes(
            shape, [spec.learning_rate for spec in specs], [spec.weight_decay for spec in specs],
            torch.tensor(offsets[:, None], dtype=self.dtype, device=self.device), state,
        )  # fmt: skip

    def _targets(self, specs: Sequence[HeadSpec]) -> Targets:
        weights = np.stack([class_weights(spec, self.rows.counts) for spec in specs])
        smoothing = np.array([spec.smoothing for spec in specs])
        return Targets(
            torch.tensor(smoothing[:, None, None], dtype=self.dtype, device=self.device),
            torch.tensor(weights[:, None], dtype=self.dtype, device=self.device),
            None,
        )

    def _keys(self, specs: Sequence[HeadSpec]) -> list[StreamKey]:
        return [StreamKey.of(spec, int(spec.standardise)) for spec in specs]

    def _hardness(self, lanes: Lanes, lane: int, spec: HeadSpec) -> Tensor:
        """(n,) by the probabilities that the best state gives the rows of train."""
        return hard_weights(self._of_train(lanes, lane, spec, "logits"), self.source.labels)

    def _of_train(
        self, lanes: Lanes, lane: int, spec: HeadSpec, what: Literal["logits", "features"]
    ) -> Tensor:
        """(n, ...) of one lane, without dropout."""
        return evaluated(lanes.kept([lane]), self.data.train[int(spec.standardise)], what)


class _Yardstick:
    """Inner validation loss: what is trained on, over the validation rows, without mixing, masks or hard rows."""

    def __init__(self, specs: Sequence[HeadSpec], data: HeadData, targets: Targets, offsets: Tensor) -> None:
        labels = torch.tensor(data.validation_labels, device=offsets.device)
        share = torch.nn.functional.one_hot(labels, data.classes).to(offsets.dtype)
        padded = share.new_zeros(len(data.validation[0]), data.classes)  # rows of padding weigh nothing
        padded[: len(labels)] = share
        self.targets, mass = targets.soft(padded[None])
        self.whole, self.offsets = mass[:, :, 0].double().sum(1), offsets
        self.inputs = torch.stack([data.validation[int(spec.standardise)] for spec in specs])

    def kept(self, lanes: list[int]) -> "_Yardstick":
        at = torch.tensor(lanes, device=self.offsets.device)
        other = object.__new__(_Yardstick)
        for name in ("targets", "whole", "offsets", "inputs"):
            setattr(other, name, getattr(self, name).index_select(0, at))
        return other

    def losses(self, lanes: Lanes) -> list[float]:
        share = torch.log_softmax(lanes.logits(self.inputs) + self.offsets, 2)
        rows = (self.targets * share).sum(2).double()
        return [float(x) for x in (-rows.sum(1) / self.whole).tolist()]


def evaluated(lane: Lanes, inputs: Tensor, what: Literal["logits", "features"] = "logits") -> Tensor:
    """(rows, ...) of lanes of one; rows are padded to a multiple of 16 and go in blocks, whatever lane it is."""
    missing = -len(inputs) % LANE_WIDTH
    padded = torch.cat([inputs, inputs.new_zeros(missing, inputs.shape[1])]) if missing else inputs
    forward = lane.logits if what == "logits" else lane.features
    found = [forward(block[None])[0] for block in torch.split(padded, EVALUATED_ROWS)]
    return torch.cat(found)[: len(inputs)]


def _parameters(state: State | None) -> dict[str, Tensor]:
    """Of one lane, without the lane's axis; none where it diverged before there was a best state."""
    if state is None:
        return {}
    return {name: value[0] for name, value in state.items() if f"moment.{name}" in state}
