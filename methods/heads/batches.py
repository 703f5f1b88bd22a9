"""The batches of one epoch for many lanes: rows, mixtures, noise, soft targets and dropout masks.

Lanes whose recipes ask for the same rows share a stream, which is drawn once. Work is cut into blocks of steps so
that small heads do not wait for small calls; how it is cut changes no number.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from methods.heads.draws import ClassRows, DropoutMasks, epoch_rows, mixtures
from methods.heads.shapes import Batch, Shape
from methods.heads.specs import HeadSpec, Sampler
from methods.statistics.streams import epoch_stream

Index = NDArray[np.int64]
BLOCK_NUMBERS = (
    1 << 19
)  # numbers of a block's inputs: 2 MiB, so that they are still in the cache when they are used


class StreamKey(NamedTuple):
    """Lanes that agree in this see the same inputs. source: which matrix the rows are taken from."""

    seed: int
    sampler: Sampler
    mixup: float
    noise: float
    scale: float
    manifold_mixup: float
    source: int

    @classmethod
    def of(cls, spec: HeadSpec, source: int) -> "StreamKey":
        return cls(spec.seed, spec.sampler, spec.mixup, spec.noise, spec.scale, spec.manifold_mixup, source)


@dataclass(frozen=True)
class Targets:
    """What each lane makes of a class. smoothing (lanes, 1, 1), weights (lanes, 1, classes).

    hardness (lanes, n) weighs the rows of train, or None where all weigh alike.
    """

    smoothing: Tensor
    weights: Tensor
    hardness: Tensor | None

    def kept(self, lanes: list[int]) -> "Targets":
        at = torch.tensor(lanes, device=self.weights.device)
        hardness = None if self.hardness is None else self.hardness.index_select(0, at)
        return Targets(self.smoothing.index_select(0, at), self.weights.index_select(0, at), hardness)

    def soft(self, share: Tensor) -> tuple[Tensor, Tensor]:
        """Weighted smoothed targets of class shares (lanes, rows, classes), and their sums (lanes, rows, 1).

        A row weighs as much as its true class; smoothing then spreads that weight evenly. (Weights applied after
        smoothing, as torch.nn.CrossEntropyLoss does, would give rare classes most of what is spread: under a long
        tail that is more than the label itself is left.)
        """
        own = share * self.weights
        mass = own.sum(2, keepdim=True)
        return own * (1 - self.smoothing) + mass * (self.smoothing / share.shape[2]), mass


@dataclass(frozen=True)
class RowSource:
    """Rows of train. matrices: what a stream's `source` counts, each (n, inputs). spreads: of their columns."""

    matrices: list[Tensor]
    spreads: list[Tensor]
    labels: Tensor
    rows: ClassRows


class _Stream:
    """One epoch of one stream."""

    def __init__(self, key: StreamKey, source: RowSource, shape: Shape, phase: str, epoch: int) -> None:
        self.key, self.source, self.batch = key, source, shape.batch
        self.rows = epoch_rows(source.rows, key.sampler, key.seed, phase, epoch, shape.batch)
        steps = len(self.rows)
        self.partner: Index | None = None
        self.keep = np.ones((steps, shape.batch), np.float32)  # of the targets
        self.keep_inputs, self.keep_features = self.keep, np.ones(steps, np.float32)
        if key.mixup:
            self.partner, self.keep = mixtures(key.mixup, key.seed, phase, epoch, self.rows.shape)
            self.keep_inputs = self.keep
        if key.manifold_mixup:  # one layer and one share a batch, drawn as the paper does
            rng = epoch_stream(key.seed, phase + "/manifold mixup", epoch)
            self.partner = rng.random(self.rows.shape).argsort(axis=1)
            share = rng.beta(key.manifold_mixup, key.manifold_mixup, steps).astype(np.float32)
            at_input = rng.random(steps) < 0.5
            self.keep = np.repeat(share[:, None], shape.batch, axis=1)
            self.keep_inputs = np.where(at_input[:, None], self.keep, np.float32(1))
            self.keep_features = np.where(at_input, np.float32(1), share)
        self._noise = epoch_stream(key.seed, f"{phase}/noise", epoch)
        self._scale = epoch_stream(key.seed, f"{phase}/scale", epoch)

    def other_rows(self, steps: slice) -> Index | None:
        return (
            None
            if self.partner is None
            else np.take_along_axis(self.rows[steps], self.partner[steps], axis=1)
        )

    def inputs(self, steps: slice) -> Tensor:
        """(steps * batch, inputs). Blocks are asked for in order: noise is drawn as they go."""
        matrix = self.source.matrices[self.key.source]
        found = matrix.index_select(0, self._tensor(self.rows[steps].ravel()))
        other = self.other_rows(steps)
        if other is not None:
            keep = self._tensor(self.keep_inputs[steps].reshape(-1, 1)).to(found.dtype)
            found = torch.lerp(matrix.index_select(0, self._tensor(other.ravel())), found, keep)
        if self.key.scale:
            found *= 1 + self.key.scale * self._normal(self._scale, found)
        if self.key.noise:
            found += self.key.noise * self._normal(self._noise, found) * self.source.spreads[self.key.source]
        return found

    def shares(self, steps: slice, classes: int, dtype: torch.dtype) -> Tensor:
        """(steps * batch, classes): how much of each class a mixed row is."""
        labels = self.source.labels
        own = torch.nn.functional.one_hot(labels[self._tensor(self.rows[steps].ravel())], classes).to(dtype)
        other = self.other_rows(steps)
        if other is None:
            return own
        keep = self._tensor(self.keep[steps].reshape(-1, 1)).to(dtype)
        return own * keep + torch.nn.functional.one_hot(labels[self._tensor(other.ravel())], classes) * (
            1 - keep
        )

    def _normal(self, rng: np.random.Generator, like: Tensor) -> Tensor:
        return self._tensor(rng.standard_normal(tuple(like.shape), np.float32)).to(like.dtype)

    def _tensor(self, values: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.source.labels.device)


def epoch_batches(
    shape: Shape, keys: list[StreamKey], targets: Targets, source: RowSource, phase: str, epoch: int
) -> Iterator[Batch]:
    """keys: the stream of each lane."""
    distinct = list(dict.fromkeys(keys))
    streams = [_Stream(key, source, shape, phase, epoch) for key in distinct]
    device, dtype = targets.weights.device, targets.weights.dtype
    of_lane = torch.tensor([distinct.index(key) for key in keys], device=device)
    seeds = list(dict.fromkeys(key.seed for key in keys))
    of_seed = torch.tensor([seeds.index(key.seed) for key in keys], device=device)
    masks = [DropoutMasks(shape.dropout, seed, phase, epoch) for seed in seeds] if shape.dropout else []
    steps, width = len(streams[0].rows), max(shape.inputs, shape.features)
    length = max(1, BLOCK_NUMBERS // (len(streams) * shape.batch * width))
    for start in range(0, steps, length):
        block = slice(start, min(start + length, steps))
        size = block.stop - block.start
        drawn_inputs = [stream.inputs(block).view(size, shape.batch, -1) for stream in streams]
        inputs = drawn_inputs[0][:, None] if len(streams) == 1 else torch.stack(drawn_inputs, dim=1)
        goal, mass, labels = _targets(shape, streams, of_lane, targets, block, dtype)
        kept = None
        if masks:
            drawn = np.stack([each.draw(size, shape.batch, shape.features) for each in masks], axis=1)
            kept = torch.from_numpy(drawn).to(device=device, dtype=dtype)
        for step in range(size):
            at = start + step
            yield Batch(
                _spread(inputs[step], of_lane),
                goal[step],
                mass[step],
                labels[step],
                None if kept is None else _spread(kept[step], of_seed),
                _partners(streams, of_lane, at) if shape.manifold_mixup else None,
                _shares_kept(streams, of_lane, at, dtype) if shape.manifold_mixup else None,
            )


def _spread(drawn: Tensor, place: Tensor) -> Tensor:
    """drawn (distinct, ...), place (lanes,) in it -> (lanes, ...), not copied where all lanes or no two share one.

    Places count in the order of lanes, so that as many distinct ones as lanes are the lanes themselves.
    """
    if len(drawn) == len(place):
        return drawn
    return drawn.expand(len(place), -1, -1) if len(drawn) == 1 else drawn.index_select(0, place)


def _targets(
    shape: Shape, streams: list[_Stream], of_lane: Tensor, targets: Targets, block: slice, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor]:
    """goal (steps, lanes, batch, classes), mass (..., 1) and labels (steps, lanes, batch) of a block.

    The loss of a batch is a mean over its rows, weighted by class and hardness.
    """
    size, batch, classes = block.stop - block.start, shape.batch, shape.classes
    shares = torch.stack([stream.shares(block, classes, dtype) for stream in streams]).index_select(
        0, of_lane
    )
    soft, mass = targets.soft(shares)
    if targets.hardness is not None:
        hardness = torch.stack(
            [
                _hardness(streams[stream], own, block)
                for stream, own in zip(of_lane.tolist(), targets.hardness, strict=True)
            ]
        )
        soft, mass = soft * hardness, mass * hardness
    whole = mass.view(-1, size, batch).sum(2).view(-1, size, 1, 1)
    goal = (soft.view(-1, size, batch, classes) / whole).transpose(0, 1).contiguous()
    mass = (mass.view(-1, size, batch, 1) / whole).transpose(0, 1).contiguous()
    rows = np.stack([stream.rows[block] for stream in streams], axis=1)
    labels = streams[0].source.labels[torch.from_numpy(rows).to(of_lane.device)].index_select(1, of_lane)
    return goal, mass, labels


def _hardness(stream: _Stream, own: Tensor, block: slice) -> Tensor:
    """(rows, 1) of one lane."""
    found = own[torch.from_numpy(stream.rows[block].ravel()).to(own.device)]
    other = stream.other_rows(block)
    if other is not None:
        keep = torch.from_numpy(stream.keep[block].ravel()).to(own)
        found = found * keep + own[torch.from_numpy(other.ravel()).to(own.device)] * (1 - keep)
    return found[:, None]


def _partners(streams: list[_Stream], of_lane: Tensor, step: int) -> Tensor:
    partners = np.stack([stream.partner[step] for stream in streams if stream.partner is not None])
    return torch.from_numpy(partners).to(of_lane.device).index_select(0, of_lane)


def _shares_kept(streams: list[_Stream], of_lane: Tensor, step: int, dtype: torch.dtype) -> Tensor:
    kept = torch.tensor([float(stream.keep_features[step]) for stream in streams], dtype=dtype)
    return kept.to(of_lane.device).index_select(0, of_lane)[:, None, None]
