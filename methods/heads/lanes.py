"""Many heads of one shape side by side: forward, hand-derived backward and AdamW as a few batched calls.

A lane is one head. Its bits are the same whatever the other lanes are: matrix products are batched per lane, what is
elementwise works on a whole number of vectors per lane (batches are a multiple of 16), and the optimizer goes lane by
lane. Measured on CPU under MKL_CBWR=AVX2, at widths from 8.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from methods.heads.draws import uniform_weights
from methods.heads.losses import arcface_logits, center_gradient, moved_centres, supcon_loss
from methods.heads.shapes import Batch, Shape
from methods.heads.specs import LANE_WIDTH

BETAS = (0.9, 0.999)
ADAM_EPSILON = 1e-8
NORM_EPSILON = 1e-5
WIDE_BATCH = 64  # rows from which the last layer's gradient is found transposed
EVALUATED_ROWS = 2048  # rows of one forward pass outside training; a multiple of 16

State = dict[str, Tensor]


def initial_parameters(shape: Shape, seed: int, phase: str = "") -> Mapping[str, NDArray[np.float64]]:
    """One lane's. Streams are named by layer, so that a wider recipe begins as a narrower one does."""
    found: dict[str, NDArray[np.float64]] = {}
    if shape.hidden:
        found["w1"], bias = uniform_weights(seed, phase + "first layer", shape.inputs, shape.hidden)
        found["b1"] = bias[None]
    if shape.layer_norm:
        found["gain"], found["shift"] = np.ones((1, shape.hidden)), np.zeros((1, shape.hidden))
    found["w2"], bias = uniform_weights(seed, phase + "last layer", shape.features, shape.classes)
    if not shape.arcface:
        found["b2"] = bias[None]
    if shape.supcon:
        found["w3"], bias = uniform_weights(
            seed, f"{phase}projection", shape.features, shape.supcon.projection
        )
        found["b3"] = bias[None]
    return found


class Lanes:
    """Parameters (lanes, rows, columns) with their gradients and moments; `steps` (lanes,) that AdamW has made."""

    def __init__(
        self, shape: Shape, learning_rates: list[float], weight_decays: list[float], offsets: Tensor, state: State
    ) -> None:  # fmt: skip
        """offsets (lanes, 1, classes) are added to the logits in training. state: of `initial_state` or `snapshot`."""
        self.shape, self.offsets = shape, offsets
        self.learning_rates, self.weight_decays = learning_rates, weight_decays
        self.names = [name.removeprefix("moment.") for name in state if name.startswith("moment.")]
        self.parameters = {name: state[name] for name in self.names}
        self.moments = {name: state[f"moment.{name}"] for name in self.names}
        self.squares = {name: state[f"square.{name}"] for name in self.names}
        self.gradients = {name: torch.zeros_like(value) for name, value in self.parameters.items()}
        self.centres = state.get("centres")
        self.steps = state["steps"]
        first = self.parameters["w2"]
        self.ones = first.new_ones(len(first), 1, shape.batch)
        self.hidden = first.new_empty(len(first), shape.batch, shape.hidden) if shape.hidden else None
        self._by_rates = self._grouped()

    def __len__(self) -> int:
        return len(self.steps)

    def snapshot(self, lane: int) -> State:
        """One lane's state, a copy."""
        return {name: value[lane : lane + 1].clone() for name, value in self._state().items()}

    def kept(self, lanes: list[int]) -> "Lanes":
        """These lanes alone, closed up."""
        at = torch.tensor(lanes, device=self.steps.device)
        state = {name: value.index_select(0, at.to(value.device)) for name, value in self._state().items()}
        rates, decays = ([values[i] for i in lanes] for values in (self.learning_rates, self.weight_decays))
        return Lanes(self.shape, rates, decays, self.offsets.index_select(0, at), state)

    def step(self, batch: Batch) -> None:
        """One AdamW step of every lane."""
        self.backward(batch)
        self._optimize()

    def backward(self, batch: Batch) -> None:
        """Fill `gradients`, and move the centres of center loss."""
        before, features = self._features(batch.inputs, training=True)
        if batch.mask is None:
            masked = features
        else:  # in place where nothing else needs the features: what is dropped has no gradient either way
            masked = features.mul_(batch.mask) if self.shape.hidden else features * batch.mask
        mixed = masked if batch.partner is None else _mixed(masked, batch)
        if self.shape.arcface or self.shape.supcon:
            gradient = self._last_layer_by_autograd(mixed, batch)
        else:
            gradient = self._last_layer(mixed, batch)
        if self.shape.center and self.centres is not None:
            gradient.add_(center_gradient(masked, batch.labels, self.centres), alpha=self.shape.center.weight)
            self.centres = moved_centres(masked, batch.labels, self.centres, self.shape.center.rate)
        if self.shape.hidden:
            self._first_layer(
                _unmixed(gradient, batch) if batch.partner is not None else gradient, batch, before
            )

    def logits(self, inputs: Tensor) -> Tensor:
        """(lanes, rows, classes) without dropout or offsets; inputs (lanes, rows, inputs), rows a multiple of 16."""
        _, features = self._features(inputs, training=False)
        return self._logits_of(features)

    def features(self, inputs: Tensor) -> Tensor:
        """(lanes, rows, features) that the last layer sees, without dropout."""
        return self._features(inputs, training=False)[1]

    # --- forward and backward -----------------------------------------------------------------------------------

    def _features(self, inputs: Tensor, training: bool) -> tuple[tuple[Tensor, ...], Tensor]:
        """(what the backward pass needs, features)."""
        p, shape = self.parameters, self.shape
        if not shape.hidden:
            return (), inputs
        if training and self.hidden is not None:
            z = torch.baddbmm(p["b1"], inputs, p["w1"], out=self.hidden)
        else:
            z = torch.baddbmm(p["b1"], inputs, p["w1"])
        kept: tuple[Tensor, ...] = (z,)
        if shape.layer_norm:
            normal, mean, scale = torch.native_layer_norm(z, [shape.hidden], None, None, NORM_EPSILON)
            kept = (z, normal, mean, scale)
            z = normal * p["gain"]
            z += p["shift"]
        active = torch.nn.functional.gelu(z) if shape.gelu else z.relu_()
        return (*kept, z), active

    def _logits_of(self, features: Tensor) -> Tensor:
        p = self.parameters
        if self.shape.arcface:
            return arcface_logits(features, p["w2"], None, self.shape.arcface)
        return torch.baddbmm(p["b2"], features, p["w2"])

    def _last_layer(self, features: Tensor, batch: Batch) -> Tensor:
        """Gradient of weighted cross-entropy in the features; fills those of the last layer."""
        p, g = self.parameters, self.gradients
        logits = torch.baddbmm(p["b2"], features, p["w2"])
        logits += self.offsets
        slope = torch.softmax(logits, 2).mul_(batch.mass).sub_(batch.goal)
        if self.shape.batch < WIDE_BATCH:
            torch.bmm(features.transpose(1, 2), slope, out=g["w2"])
        else:  # a product with few columns takes longer than one with few rows, up to seven times
            g["w2"].copy_(torch.bmm(slope.transpose(1, 2), features).transpose(1, 2))
        torch.bmm(self.ones, slope, out=g["b2"])
        return torch.bmm(slope, p["w2"].transpose(1, 2)) if self.shape.hidden else slope

    def _last_layer_by_autograd(self, features: Tensor, batch: Batch) -> Tensor:
        """The same for ArcFace and SupCon, whose graphs are small beside the first layer."""
        p, shape = self.parameters, self.shape
        leaves = {name: p[name].detach().requires_grad_() for name in ("w2", "b2", "w3", "b3") if name in p}
        seen = features.detach().requires_grad_()
        with torch.enable_grad():
            if shape.arcface:
                logits = arcface_logits(seen, leaves["w2"], batch.labels, shape.arcface)
            else:
                logits = torch.baddbmm(leaves["b2"], seen, leaves["w2"])
            # d/dlogits of this is mass * softmax - goal
            loss = (batch.mass * torch.logsumexp(logits + self.offsets, 2, keepdim=True)).sum()
            loss = loss - (batch.goal * logits).sum()
            if shape.supcon:
                projected = torch.baddbmm(leaves["b3"], seen, leaves["w3"])
                loss = loss + shape.supcon.weight * supcon_loss(projected, batch.labels, shape.supcon).sum()
        slopes = torch.autograd.grad(loss, [seen, *leaves.values()])
        for name, slope in zip(leaves, slopes[1:], strict=True):
            self.gradients[name].copy_(slope)
        return slopes[0].clone()

    def _first_layer(self, gradient: Tensor, batch: Batch, before: tuple[Tensor, ...]) -> None:
        p, g, shape = self.parameters, self.gradients, self.shape
        active = before[-1]
        if batch.mask is not None:
            gradient.mul_(batch.mask)
        if shape.gelu:
            slope = torch.ops.aten.gelu_backward(gradient, active)
        else:
            slope = torch.ops.aten.threshold_backward(gradient, active, 0)
        if shape.layer_norm:
            z, normal, mean, scale = before[:4]
            torch.bmm(self.ones, slope * normal, out=g["gain"])
            torch.bmm(self.ones, slope, out=g["shift"])
            slope = torch.ops.aten.native_layer_norm_backward(
                slope.mul_(p["gain"]), z, [shape.hidden], mean, scale, None, None, [True, False, False]
            )[0]
        torch.bmm(batch.inputs.transpose(1, 2), slope, out=g["w1"])
        torch.bmm(self.ones, slope, out=g["b1"])

    # --- the optimizer ------------------------------------------------------------------------------------------

    def _optimize(self) -> None:
        """torch.optim.AdamW(fused=True) without its bookkeeping, one entry per lane and parameter.

        A lane's tensors are entries of their own: the kernel's loop over a joined tensor would end elsewhere.
        """
        self.steps += 1
        for (rate, decay), (parameters, gradients, moments, squares, steps) in self._by_rates.items():
            torch._fused_adamw_(
                parameters, gradients, moments, squares, [], steps, lr=rate, beta1=BETAS[0], beta2=BETAS[1],
                weight_decay=decay, eps=ADAM_EPSILON, amsgrad=False, maximize=False,
            )  # fmt: skip

    def _grouped(self) -> dict[tuple[float, float], tuple[list[Tensor], ...]]:
        lanes: dict[tuple[float, float], list[int]] = {}
        for lane, rates in enumerate(zip(self.learning_rates, self.weight_decays, strict=True)):
            lanes.setdefault(rates, []).append(lane)
        tensors = (self.parameters, self.gradients, self.moments, self.squares)
        return {
            rates: (
                *([values[name][lane] for name in self.names for lane in own] for values in tensors),
                [self.steps[lane] for _ in self.names for lane in own],
            )
            for rates, own in lanes.items()
        }

    def _state(self) -> State:
        state = dict(self.parameters)
        state |= {f"moment.{name}": value for name, value in self.moments.items()}
        state |= {f"square.{name}": value for name, value in self.squares.items()}
        if self.centres is not None:
            state["centres"] = self.centres
        return state | {"steps": self.steps}


def initial_state(
    shape: Shape, seeds: list[int], dtype: torch.dtype, device: torch.device, phase: str = ""
) -> State:
    found = [initial_parameters(shape, seed, phase) for seed in seeds]
    state: State = {
        name: torch.tensor(np.stack([each[name] for each in found]), dtype=dtype, device=device) for name in found[0]
    }  # fmt: skip
    for name, value in list(state.items()):
        state[f"moment.{name}"], state[f"square.{name}"] = torch.zeros_like(value), torch.zeros_like(value)
    if shape.center:
        state["centres"] = state["w2"].new_zeros(len(seeds), shape.classes, shape.features)
    return state | {"steps": torch.zeros(len(seeds), device=device)}


def joined(states: list[State]) -> State:
    return {name: torch.cat([state[name] for state in states]) for name in states[0]}


def padded_rows(inputs: NDArray[Any]) -> NDArray[Any]:
    """`inputs` (n, ...) with rows of zeros up to a multiple of 16."""
    missing = -len(inputs) % LANE_WIDTH
    return (
        np.concatenate([inputs, np.zeros((missing, *inputs.shape[1:]), inputs.dtype)]) if missing else inputs
    )


def _mixed(features: Tensor, batch: Batch) -> Tensor:
    assert batch.partner is not None
    assert batch.keep is not None
    other = features.gather(1, batch.partner[:, :, None].expand_as(features))
    return features * batch.keep + other * (1 - batch.keep)


def _unmixed(gradient: Tensor, batch: Batch) -> Tensor:
    """Back to the rows that were mixed; partners are a permutation, so each row was a partner once."""
    assert batch.partner is not None
    assert batch.keep is not None
    inverse = batch.partner.argsort(1)
    returned = (gradient * (1 - batch.keep)).gather(1, inverse[:, :, None].expand_as(gradient))
    return gradient * batch.keep + returned
