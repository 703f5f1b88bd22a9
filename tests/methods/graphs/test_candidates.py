"""The graph of a booster gives XGBoost's own probabilities: at thresholds, without values, alone and among others."""

import json
from typing import Any

import numpy as np
import onnxruntime
import pytest
import xgboost
from numpy.typing import NDArray
from scipy.special import logit

from methods.experts.blending import Perceptron, clipped_logit
from methods.experts.logistic_regression import Logistic
from methods.graphs.candidates import (
    add_dense_columns,
    add_logistic,
    add_logit,
    add_perceptron,
    add_trees,
    candidate_graph,
)
from methods.graphs.model import GraphBuilder

Values = NDArray[np.float32]


def fitted(x: Values, rng: np.random.Generator, missing: float, **changes: Any) -> xgboost.Booster:
    y = (x[:, 0] + 0.5 * x[:, 1] * x[:, 2] + 0.5 * rng.standard_normal(len(x)) > 0.7).astype(np.float32)
    seen = np.where(rng.random(x.shape) < missing, np.nan, x)
    settings = {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "max_depth": 5,
        "eta": 0.3,
        "nthread": 1,
    }
    return xgboost.train({**settings, **changes}, xgboost.DMatrix(seen, y), 60)


def graph_of(booster: xgboost.Booster, width: int) -> bytes:
    graph = GraphBuilder()
    found = add_trees(graph, ["structured"], json.loads(bytes(booster.save_raw("json"))))
    return candidate_graph(graph, found, {"structured": width})


def run(model: bytes, **columns: Values) -> NDArray[np.float64]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    found: NDArray[np.float64] = session.run(["probability"], columns)[0][:, 0]
    return found


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("rounded", [False, True])
def test_trees_say_what_xgboost_says(missing: float, rounded: bool) -> None:
    rng = np.random.default_rng(3)
    x = rng.standard_normal((4000, 6)).astype(np.float32)
    x = np.round(x, 1) if rounded else x  # many values then lie on a threshold
    booster = fitted(x, rng, missing)
    thresholds = booster.trees_to_dataframe()["Split"].dropna().to_numpy(np.float32)
    x[: len(thresholds), 0] = thresholds[: len(x)]
    x[rng.random(x.shape) < missing] = np.nan
    found, expected = run(graph_of(booster, 6), structured=x), booster.inplace_predict(x)
    assert np.abs(found - expected).max() < 2e-7
    assert (found != expected).mean() < 0.01
    alone = [run(graph_of(booster, 6), structured=x[row : row + 1])[0] for row in range(5)]
    assert alone == found[:5].tolist()


def test_a_base_score_that_was_set_is_in_it() -> None:
    rng = np.random.default_rng(5)
    x = rng.standard_normal((500, 4)).astype(np.float32)
    booster = fitted(x, rng, 0, base_score=0.03, max_depth=2)
    assert np.abs(run(graph_of(booster, 4), structured=x) - booster.inplace_predict(x)).max() < 2e-7


def test_a_booster_for_something_else_is_refused() -> None:
    rng = np.random.default_rng(7)
    x = rng.standard_normal((200, 3)).astype(np.float32)
    with pytest.raises(ValueError, match="binary:logistic"):
        graph_of(fitted(x, rng, 0, objective="reg:squarederror"), 3)


def test_a_logistic_expert_its_logit_and_a_perceptron_are_those_of_the_pipeline() -> None:
    rng = np.random.default_rng(11)
    x = (3 * rng.standard_normal((300, 12))).astype(np.float16)
    rows = np.arange(300)
    logistic = Logistic(3 * rng.standard_normal(12), -0.3)  # some of its probabilities are beyond the clip
    hidden, bias, output = (rng.standard_normal(shape).astype(np.float32) for shape in ((12, 8), 8, 8))
    perceptron = Perceptron(rng.standard_normal(12), rng.uniform(0.5, 2, 12), hidden, bias, output, 0.2)
    tensors = {name: np.asarray(value) for name, value in vars(perceptron).items()}
    graph = GraphBuilder()
    model = candidate_graph(graph, add_perceptron(graph, "dense", tensors), {"dense": 12})
    assert np.abs(run(model, dense=x.astype(np.float32)) - perceptron.probabilities(x, rows)).max() < 1e-6
    graph = GraphBuilder()
    shares = add_logistic(graph, "dense", logistic.coefficients, logistic.intercept)
    model = candidate_graph(graph, add_logit(graph, shares), {"dense": 12})
    expected = clipped_logit(logistic.probabilities(x, rows))
    assert np.abs(expected).max() == pytest.approx(logit(1 - 1e-6))
    assert np.abs(run(model, dense=x.astype(np.float32)) - expected).max() < 1e-8


def test_dense_columns_from_one_on() -> None:
    graph = GraphBuilder()
    seen = graph.cast(add_dense_columns(graph, "dense", 2), "double")
    model = candidate_graph(graph, seen, {"dense": 3})
    assert run(model, dense=np.arange(6, dtype=np.float32).reshape(2, 3)).tolist() == [2, 5]


def test_equal_trees_are_equal_bytes_that_name_nothing_of_the_machine() -> None:
    x = np.random.default_rng(3).standard_normal((500, 4)).astype(np.float32)
    model, again = (graph_of(fitted(x, np.random.default_rng(1), 0), 4) for _ in range(2))
    assert model == again
    assert not [word for word in (b"/home", b"/tmp", b".py", b"xgboost") if word in model]
