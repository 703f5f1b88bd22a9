"""Networks on stamps as one graph: from pixels in nanomaggies to a score, what the networks see of them included."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methods.graphs.model import GraphBuilder
from methods.lenses.geometry import radius, rings
from methods.lenses.preprocessing import CLIP, INNER, NORMAL_MAD, OUTER, Preprocessing

Weights = Mapping[str, NDArray[Any]]

NORM_EPSILON = 1e-5  # of batch norm, as in training
STAGES, BLOCKS = 4, 2


def stamp_graph(networks: Sequence[Weights], kind: Preprocessing, bands: int, size: int) -> bytes:
    """stamps (rows, bands, size, size) float -> score (rows,) double, logits (rows, networks), noise (rows, bands).

    networks: the state of a `StampNetwork` each; score is the mean of what their logits mean as probabilities. noise: of
    the sky, 0 where a stamp has none and cannot be scored. Pixels are rounded to float16 where training rounds them: as
    they are stored, and again as the networks see them.
    """
    graph = GraphBuilder()
    stamps = _stored(graph, "stamps")
    pixels = _reshaped(graph, stamps, (0, bands, size * size))
    centre, noise = _sky(graph, pixels, size)
    graph.named(_reshaped(graph, noise, (0, bands)), "noise")
    seen = [stamps] if kind in ("raw", "both") else []
    if kind != "raw":
        x = graph.add("Div", graph.add("Sub", pixels, centre), noise)
        residual = _reshaped(graph, _less_ring_medians(graph, x, size), (0, bands, size, size))
        seen.append(_stored(graph, residual))
    image = seen[0] if len(seen) == 1 else graph.add("Concat", *seen, axis=1)
    each = [_network(graph, image, weights) for weights in networks]
    logits = graph.named(graph.add("Concat", *each, axis=1), "logits")
    shares = graph.add("Sigmoid", graph.cast(logits, "double"))
    graph.named(graph.add("ReduceMean", shares, graph.constant([1], np.int64), keepdims=0), "score")
    return graph.content(
        "stamps", {"stamps": ("float", [bands, size, size])},
        {"score": ("double", []), "logits": ("float", [len(networks)]), "noise": ("float", [bands])},
    )  # fmt: skip


# --- what a network sees ----------------------------------------------------------------------------------------


def _stored(graph: GraphBuilder, pixels: str) -> str:
    return graph.cast(graph.cast(pixels, "half"), "float")


def _sky(graph: GraphBuilder, pixels: str, size: int) -> tuple[str, str]:
    """(median, standard deviation by the MAD) of the annulus, both (rows, bands, 1)."""
    r = radius(size).ravel()
    annulus = np.flatnonzero((r >= INNER) & (r < OUTER))
    sky = graph.add("Gather", pixels, graph.constant(annulus), axis=2)
    centre = _median(graph, sky, len(annulus))
    deviation = _median(graph, graph.add("Abs", graph.add("Sub", sky, centre)), len(annulus))
    return centre, graph.add("Mul", deviation, graph.constant(NORMAL_MAD, np.float32))


def _less_ring_medians(graph: GraphBuilder, x: str, size: int) -> str:
    """(rows, bands, pixels) less the median of each one's ring, clipped."""
    ring = rings(size).ravel()
    members = [np.flatnonzero(ring == k) for k in range(ring.max() + 1)]
    parts = []
    for pixels in members:
        part = graph.add("Gather", x, graph.constant(pixels), axis=2)
        parts.append(graph.add("Sub", part, _median(graph, part, len(pixels))))
    order = graph.constant(np.argsort(np.concatenate(members)))
    seen = graph.add("Gather", graph.add("Concat", *parts, axis=2), order, axis=2)
    return graph.add("Clip", seen, graph.constant(-CLIP, np.float32), graph.constant(CLIP, np.float32))


def _median(graph: GraphBuilder, values: str, count: int) -> str:
    """Over the last axis, of an even number the mean of the middle two, as numpy has it."""
    name = f"upper_{len(graph.nodes)}"
    upper, _ = graph.several(
        "TopK", values, graph.constant([count // 2 + 1], np.int64), outputs=(name, f"{name}_places"), axis=2
    )  # the larger half, falling
    middle = [count // 2] if count % 2 else [count // 2 - 1, count // 2]
    around = graph.add("Gather", upper, graph.constant(middle, np.int64), axis=2)
    return graph.add("ReduceMean", around, graph.constant([2], np.int64), keepdims=1)


def _reshaped(graph: GraphBuilder, value: str, shape: Sequence[int]) -> str:
    return graph.add("Reshape", value, graph.constant(shape, np.int64))


# --- the network ------------------------------------------------------------------------------------------------


def _network(graph: GraphBuilder, image: str, weights: Weights) -> str:
    """Logits (rows, 1) of `methods.lenses.network.StampNetwork`."""
    x = graph.add("Sub", image, graph.constant(weights["mean"]))
    x = graph.add("Div", x, graph.constant(weights["spread"]))
    x = graph.add("Relu", _convolution(graph, x, weights, "conv1", "bn1", 2, 3))
    x = graph.add("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    for stage in range(1, STAGES + 1):
        for block in range(BLOCKS):
            stride = 2 if stage > 1 and block == 0 else 1
            x = _block(graph, x, weights, f"layer{stage}.{block}.", stride)
    pooled = graph.add("ReduceMean", x, graph.constant([2, 3], np.int64), keepdims=0)
    last = (graph.constant(weights[f"fc.{name}"]) for name in ("weight", "bias"))
    return graph.add("Gemm", pooled, *last, transB=1)


def _block(graph: GraphBuilder, x: str, weights: Weights, name: str, stride: int) -> str:
    y = graph.add("Relu", _convolution(graph, x, weights, f"{name}conv1", f"{name}bn1", stride, 1))
    y = _convolution(graph, y, weights, f"{name}conv2", f"{name}bn2", 1, 1)
    if f"{name}downsample.0.weight" in weights:
        x = _convolution(graph, x, weights, f"{name}downsample.0", f"{name}downsample.1", stride, 0)
    return graph.add("Relu", graph.add("Add", y, x))


def _convolution(
    graph: GraphBuilder, x: str, weights: Weights, name: str, norm: str, stride: int, padding: int
) -> str:  # fmt: skip
    kernel = graph.constant(weights[f"{name}.weight"])
    x = graph.add("Conv", x, kernel, strides=[stride] * 2, pads=[padding] * 4)
    values = (
        graph.constant(weights[f"{norm}.{each}"])
        for each in ("weight", "bias", "running_mean", "running_var")
    )
    return graph.add("BatchNormalization", x, *values, epsilon=NORM_EPSILON)
