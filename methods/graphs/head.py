"""A head on embeddings as one graph: unit length, standardisation, layers, temperature, probabilities."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from methods.graphs.model import GraphBuilder
from methods.heads.specs import HeadSpec

NORM_EPSILON = 1e-5  # of layer norm, as in training
COSINE_EPSILON = 1e-12


def head_graph(
    spec: HeadSpec, weights: Mapping[str, NDArray[Any]], mean: ArrayLike, spread: ArrayLike,
    prior_offsets: ArrayLike, temperature: float,
) -> bytes:  # fmt: skip
    """embeddings (rows, inputs) double, as the encoder gives them -> logits, probabilities (rows, classes) double.

    weights: w1 (inputs, hidden), b1, gain, shift and w2, b2, those that the spec's shape has; layers are computed in
    float32, all else in double. logits are those of the weights less adjust_infer times prior_offsets, over temperature.
    """
    graph = GraphBuilder()
    rows = _unit(graph, "embeddings", "double")
    if spec.standardise:
        rows = graph.add("Sub", rows, graph.constant(mean, np.float64))
        rows = graph.add("Div", rows, graph.constant(spread, np.float64))
    values = {
        name: graph.constant(weights[name], np.float32)
        for name in ("w1", "b1", "gain", "shift", "b2")
        if name in weights
    }
    features = _features(graph, spec, graph.cast(rows, "float"), values)
    raw = graph.cast(_last_layer(graph, spec, features, weights["w2"], values), "double")
    if spec.adjust_infer:
        offsets = spec.adjust_infer * np.asarray(prior_offsets, np.float64)
        raw = graph.add("Sub", raw, graph.constant(offsets))
    logits = graph.named(graph.add("Div", raw, graph.constant(temperature, np.float64)), "logits")
    graph.named(graph.add("Softmax", logits, axis=1), "probabilities")
    inputs, classes = np.size(mean), weights["w2"].shape[1]
    return graph.content(
        "head", {"embeddings": ("double", [inputs])},
        {"logits": ("double", [classes]), "probabilities": ("double", [classes])},
    )  # fmt: skip


def _features(graph: GraphBuilder, spec: HeadSpec, rows: str, values: Mapping[str, str]) -> str:
    if not spec.hidden:
        return rows
    z = graph.add("Gemm", rows, values["w1"], values["b1"])
    if spec.layer_norm:
        z = graph.add("LayerNormalization", z, values["gain"], values["shift"], axis=-1, epsilon=NORM_EPSILON)
    return _gelu(graph, z) if spec.gelu else graph.add("Relu", z)


def _last_layer(
    graph: GraphBuilder, spec: HeadSpec, features: str, last: NDArray[Any], values: Mapping[str, str]
) -> str:
    if spec.arcface is None:
        return graph.add("Gemm", features, graph.constant(last, np.float32), values["b2"])
    columns = np.asarray(last, np.float32)
    lengths = np.maximum(np.linalg.norm(columns, axis=0), COSINE_EPSILON)
    cosine = graph.add("MatMul", _unit(graph, features, "float"), graph.constant(columns / lengths))
    return graph.add("Mul", cosine, graph.constant(spec.arcface.scale, np.float32))


def _gelu(graph: GraphBuilder, z: str) -> str:
    """x (1 + erf(x / sqrt 2)) / 2"""
    half, one, root = (graph.constant(each, np.float32) for each in (0.5, 1.0, np.sqrt(2.0)))
    share = graph.add("Add", graph.add("Erf", graph.add("Div", z, root)), one)
    return graph.add("Mul", graph.add("Mul", z, share), half)


def _unit(graph: GraphBuilder, rows: str, kind: str) -> str:
    """Rows over their length; those of a hidden layer may be all 0, and stay so."""
    squares = graph.add("ReduceSum", graph.add("Mul", rows, rows), graph.constant([1], np.int64), keepdims=1)
    length = graph.add("Sqrt", squares)
    if kind == "float":
        length = graph.add("Max", length, graph.constant(COSINE_EPSILON, np.float32))
    return graph.add("Div", rows, length)
