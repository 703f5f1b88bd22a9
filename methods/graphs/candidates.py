"""What scores a detection candidate as one graph: trees, dense experts, and what blends or stacks them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methods.graphs.model import TREES, GraphBuilder

CLIP = 1e-6  # of probabilities, before their logits are blended


def add_trees(graph: GraphBuilder, features: Sequence[str], booster: Mapping[str, Any]) -> str:
    """Probabilities (rows, 1) double of a booster for binary:logistic, given as XGBoost's own JSON.

    features: float32 matrices, which stand side by side; NaN is a missing value. The sum begins with the base score and
    goes tree by tree in float32, and the sigmoid adds and divides in float32, as XGBoost does: blends take logits of
    these probabilities, of which near 1 the last digit counts. ValueError for boosters of other kinds.
    """
    learner = booster["learner"]
    if learner["objective"]["name"] != "binary:logistic" or learner["gradient_booster"]["name"] != "gbtree":
        raise ValueError("expected trees for binary:logistic")
    seen = features[0] if len(features) == 1 else graph.add("Concat", *features, axis=1)
    margin = graph.add(
        "TreeEnsembleRegressor", seen, domain=TREES, n_targets=1, aggregate_function="SUM",
        post_transform="NONE", **_attributes(learner),
    )  # fmt: skip
    one = graph.constant(1, np.float32)
    odds = graph.cast(graph.add("Exp", graph.add("Neg", graph.cast(margin, "double"))), "float")
    return graph.cast(graph.add("Div", one, graph.add("Add", odds, one)), "double")


def add_logistic(graph: GraphBuilder, features: str, coefficients: NDArray[Any], intercept: float) -> str:
    """Probabilities (rows, 1) double of features of any type."""
    wide = graph.cast(features, "double")
    score = graph.add("MatMul", wide, graph.constant(np.reshape(coefficients, (-1, 1)), np.float64))
    return graph.add("Sigmoid", graph.add("Add", score, graph.constant(intercept, np.float64)))


def add_perceptron(graph: GraphBuilder, features: str, tensors: Mapping[str, NDArray[Any]]) -> str:
    """Probabilities (rows, 1) double; tensors: mean, scale, hidden, hidden_bias, output, output_bias."""
    x = graph.add("Sub", graph.cast(features, "double"), graph.constant(tensors["mean"], np.float64))
    x = graph.cast(graph.add("Div", x, graph.constant(tensors["scale"], np.float64)), "float")
    x = graph.add("MatMul", x, graph.constant(tensors["hidden"], np.float32))
    x = graph.add("Relu", graph.add("Add", x, graph.constant(tensors["hidden_bias"], np.float32)))
    x = graph.add("MatMul", x, graph.constant(tensors["output"].reshape(-1, 1), np.float32))
    bias = graph.constant(float(tensors["output_bias"]), np.float64)
    return graph.add("Sigmoid", graph.add("Add", graph.cast(x, "double"), bias))


def add_logit(graph: GraphBuilder, probabilities: str) -> str:
    """Of clipped probabilities, double."""
    low, high, one = (graph.constant(each, np.float64) for each in (CLIP, 1 - CLIP, 1.0))
    p = graph.add("Clip", probabilities, low, high)
    return graph.add("Log", graph.add("Div", p, graph.add("Sub", one, p)))


def add_dense_columns(graph: GraphBuilder, dense: str, start: int) -> str:
    """The dense features from this one on."""
    if not start:
        return dense
    begin, end, axis = (graph.constant([each], np.int64) for each in (start, np.iinfo(np.int64).max, 1))
    return graph.add("Slice", dense, begin, end, axis)


def candidate_graph(graph: GraphBuilder, probabilities: str, widths: Mapping[str, int]) -> bytes:
    """The model: matrices (rows, width) float by their names -> probability (rows, 1) double."""
    graph.named(probabilities, "probability")
    inputs = {name: ("float", [width]) for name, width in widths.items()}
    return graph.content("candidates", inputs, {"probability": ("double", [1])})


def _attributes(learner: Mapping[str, Any]) -> dict[str, Any]:
    """Nodes of all trees in their order; the base score is a first tree of one leaf, so that it is added first."""
    single = _tree(0, {
        "left_children": [-1], "right_children": [-1], "split_indices": [0], "default_left": [0],
        "split_conditions": [_base_margin(learner)],
    })  # fmt: skip
    trees = learner["gradient_booster"]["model"]["trees"]
    if any(any(tree["split_type"]) for tree in trees):
        raise ValueError("expected trees without categorical splits")
    found = [single, *(_tree(number, tree) for number, tree in enumerate(trees, 1))]
    return {name: [value for tree in found for value in tree[name]] for name in single}


def _tree(number: int, tree: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Left where a value is below the condition; a missing one goes where it went in training."""
    left, right = (np.asarray(tree[f"{side}_children"]) for side in ("left", "right"))
    leaf, values = left < 0, np.asarray(tree["split_conditions"], np.float32)
    nodes = np.arange(len(left))
    return {
        "nodes_treeids": [number] * len(left),
        "nodes_nodeids": nodes.tolist(),
        "nodes_featureids": np.where(leaf, 0, tree["split_indices"]).tolist(),
        "nodes_modes": np.where(leaf, "LEAF", "BRANCH_LT").tolist(),
        "nodes_values": np.where(leaf, 0, values).tolist(),
        "nodes_truenodeids": np.where(leaf, 0, left).tolist(),
        "nodes_falsenodeids": np.where(leaf, 0, right).tolist(),
        "nodes_missing_value_tracks_true": np.where(leaf, 0, tree["default_left"]).tolist(),
        "target_treeids": [number] * int(leaf.sum()),
        "target_nodeids": nodes[leaf].tolist(),
        "target_ids": [0] * int(leaf.sum()),
        "target_weights": values[leaf].tolist(),
    }


def _base_margin(learner: Mapping[str, Any]) -> np.float32:
    share = np.float32(learner["learner_model_param"]["base_score"].strip("[]"))
    return np.float32(-np.log(float(np.float32(1) / share - np.float32(1))))
