"""The graph of a head gives what the head itself gives, for every shape that a sweep can choose."""

from typing import Any

import numpy as np
import onnxruntime
import pytest

from methods.graphs.head import head_graph
from methods.heads.lanes import initial_parameters
from methods.heads.metrics import probabilities
from methods.heads.shapes import Shape
from methods.heads.specs import HeadSpec
from methods.heads.sweep import at_inference, state_logits

INPUTS, CLASSES = 24, 7
SHAPES = [
    "linear", "linear center", "h32", "h32 center", "h32 gelu", "h32 ln", "h32 gelu-ln", "h32 gelu-ln center",
    "linear arc30m0p2", "h32 arc30m0p2", "h32 gelu-ln-arc16m0p3 center", "h32 lainfer1 nat", "linear lainfer0p5 nat",
    "h32 sup8t0p1w0p5", "h32 ln-cen0p1a0p5", "h32 mmix0p2", "h32 crt5bal",
]  # fmt: skip


def head_of(shape: str) -> tuple[HeadSpec, dict[str, Any]]:
    size, *tokens = shape.split()
    given = [token for each in tokens for token in each.split("-")]
    sampler = "nat" if "nat" in given or "crt5bal" in given else "bal"
    recipe = "-".join([sampler, "mix0", *(token for token in given if token != "nat"), "ls0p1"])
    spec = HeadSpec.parse(f"enc__{size}b64__{recipe}__s3")
    rng = np.random.default_rng(len(shape))
    weights = {
        name: (value + 0.3 * rng.standard_normal(value.shape)).astype(np.float32)
        for name, value in initial_parameters(Shape.of(spec, INPUTS, CLASSES), 3).items()
    }
    return spec, weights


@pytest.mark.parametrize("shape", SHAPES)
def test_logits_and_probabilities_are_those_of_the_head(shape: str) -> None:
    spec, weights = head_of(shape)
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((500, INPUTS)) * np.exp(3 * rng.standard_normal((500, 1)))
    mean, spread = 0.1 * rng.standard_normal(INPUTS), rng.uniform(0.05, 0.3, INPUTS)
    prior = np.log(rng.dirichlet(np.ones(CLASSES)))
    expected = at_inference(
        state_logits(spec, weights, mean, spread, CLASSES, rows), spec.adjust_infer, prior, 0.65
    )
    model = head_graph(spec, weights, mean, spread, prior, 0.65)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    logits, shares = session.run(["logits", "probabilities"], {"embeddings": rows})
    assert np.abs(shares - probabilities(expected)).max() < 1e-5
    assert np.abs(logits - expected).max() < 1e-4
    assert (logits.argmax(axis=1) == expected.argmax(axis=1)).all()


def test_a_row_whose_hidden_layer_is_all_0_has_cosines_of_0() -> None:
    spec, weights = head_of("h32 arc30m0p2")
    weights["b1"] = np.full_like(weights["b1"], -1e3)
    model = head_graph(spec, weights, np.zeros(INPUTS), np.ones(INPUTS), np.zeros(CLASSES), 1.0)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    assert (session.run(["logits"], {"embeddings": np.ones((1, INPUTS))})[0] == 0).all()


def test_equal_heads_are_equal_bytes_that_name_nothing_of_the_machine() -> None:
    spec, weights = head_of("h32 gelu-ln-arc16m0p3 center")
    model, again = (
        head_graph(spec, weights, np.zeros(INPUTS), np.ones(INPUTS), np.zeros(CLASSES), 1.0) for _ in range(2)
    )
    assert model == again
    assert not [word for word in (b"/home", b"/tmp", b".py", b"torch") if word in model]
