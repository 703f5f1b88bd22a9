"""The trainer against scikit-learn and autograd in float64, and what its phases promise."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier

from methods.heads.batches import RowSource, StreamKey, Targets, epoch_batches
from methods.heads.draws import ClassRows
from methods.heads.lanes import Lanes, initial_state
from methods.heads.shapes import Batch, Shape
from methods.heads.specs import HeadSpec, from_recipe
from methods.heads.sweep import head_data, train_heads
from methods.heads.training import hard_weights, log_prior, train_lanes

FLOAT64 = torch.float64
CPU = torch.device("cpu")


def world(
    n: int = 400, d: int = 20, k: int = 5, seed: int = 0
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Embeddings, labels, groups and split of overlapping blobs."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(k).repeat(10), rng.integers(0, k, n - 10 * k)])
    values = rng.normal(size=(k, d))[labels] + 1.5 * rng.normal(size=(n, d))
    groups = np.arange(n) // 2
    return (
        values.astype(np.float32),
        labels,
        groups,
        np.array(["train", "train", "validation", "test"])[groups % 4],
    )


def lanes_of(specs: list[HeadSpec], inputs: int, classes: int, offsets: torch.Tensor | None = None) -> Lanes:
    shape = Shape.of(specs[0], inputs, classes)
    state = initial_state(shape, [spec.seed for spec in specs], FLOAT64, CPU)
    none = torch.zeros(len(specs), 1, classes, dtype=FLOAT64)
    rates, decays = [spec.learning_rate for spec in specs], [spec.weight_decay for spec in specs]
    return Lanes(shape, rates, decays, none if offsets is None else offsets, state)


def test_gradients_are_those_of_scikit_learns_sgd_over_many_batches() -> None:
    rng = np.random.default_rng(1)
    spec = from_recipe("e", 24, 16, 3, "nat-mix0-drop0")
    lanes, rate = lanes_of([spec], 12, 4), 0.05
    theirs = MLPClassifier(
        (24,), solver="sgd", momentum=0.0, alpha=0.0, learning_rate_init=rate, batch_size=16
    )
    theirs.partial_fit(rng.normal(size=(16, 12)), rng.integers(0, 4, 16), classes=np.arange(4))
    names = ("w1", "w2", "b1", "b2")
    for coefficient, name in zip([*theirs.coefs_, *theirs.intercepts_], names, strict=True):
        coefficient[...] = lanes.parameters[name][0].numpy().reshape(coefficient.shape)
    for _ in range(60):
        x, y = rng.normal(size=(16, 12)), rng.integers(0, 4, 16)
        theirs.partial_fit(x, y)
        lanes.backward(plain_batch(x, y, 4))
        for name in names:
            lanes.parameters[name] -= rate * lanes.gradients[name]
    for coefficient, name in zip([*theirs.coefs_, *theirs.intercepts_], names, strict=True):
        ours = lanes.parameters[name][0].numpy().reshape(coefficient.shape)
        np.testing.assert_allclose(ours, coefficient, rtol=1e-9, atol=1e-12)


def plain_batch(x: NDArray[Any], y: NDArray[Any], classes: int) -> Batch:
    rows = len(x)
    goal = torch.nn.functional.one_hot(torch.tensor(y), classes).to(FLOAT64)[None] / rows
    mass = torch.full((1, rows, 1), 1 / rows, dtype=FLOAT64)
    return Batch(torch.tensor(x)[None], goal, mass, torch.tensor(y)[None], None, None, None)


ANY_HEAD = (
    "bal-mix0p1",
    "nat-mix0-drop0",
    "nat-mix0p1-eff0p999-ls0p1",
    "nat-mix0p1-latrain1",
    "nat-mix0-arc30m0p2-ls0p1",
)
HIDDEN_ALONE = (
    "bal-mix0p1-gelu", "bal-mix0p1-ln", "bal-mix0p1-gelu-ln-ls0p1", "bal-mix0-mmix2-gelu-ln", "nat-mix0-sup16t0p07w0p5",
    "nat-mix0-cen0p01a0p5",
)  # fmt: skip


@pytest.mark.parametrize("batch_rows", [32, 64])  # on both sides of WIDE_BATCH
@pytest.mark.parametrize(
    ("hidden", "recipe"),
    [*((24, each) for each in (*ANY_HEAD, *HIDDEN_ALONE)), *((0, each) for each in ANY_HEAD)],
)
def test_hand_derived_gradients_are_autograds(recipe: str, hidden: int, batch_rows: int) -> None:
    """On an epoch's own batches, with everything that the recipe asks for; the reference is written from the paper's
    definitions, one lane at a time."""
    values, labels, _, split = world()
    data = head_data(values, labels, split, 5, FLOAT64)
    spec = from_recipe("e", hidden, batch_rows, 1, recipe)
    offsets = torch.randn(1, 1, 5, dtype=FLOAT64) * bool(spec.adjust_train)
    lanes = lanes_of([spec], 20, 5, offsets)
    weights = torch.tensor([[[0.2, 0.5, 1.0, 1.3, 2.0]]], dtype=FLOAT64)
    targets = Targets(torch.tensor([[[spec.smoothing]]], dtype=FLOAT64), weights, None)
    source = RowSource(
        list(data.train), [torch.ones(20, dtype=FLOAT64)] * 2, torch.tensor(data.train_labels),
        ClassRows.of(data.train_labels, 5),
    )  # fmt: skip
    for number, batch in enumerate(
        epoch_batches(lanes.shape, [StreamKey.of(spec, 0)], targets, source, "train", 1)
    ):
        if lanes.centres is not None:
            lanes.centres = torch.randn(1, 5, 24, dtype=FLOAT64)
        expected = reference_gradients(spec, lanes, batch)
        lanes.backward(batch)
        for name, slope in expected.items():
            torch.testing.assert_close(lanes.gradients[name][0], slope, rtol=1e-8, atol=1e-11)
        if number == 3:
            break


def reference_gradients(spec: HeadSpec, lanes: Lanes, batch: Batch) -> dict[str, torch.Tensor]:
    p = {name: value[0].detach().clone().requires_grad_() for name, value in lanes.parameters.items()}
    h = batch.inputs[0]
    if spec.hidden:
        h = torch.nn.functional.linear(h, p["w1"].T, p["b1"][0])
        if spec.layer_norm:
            h = torch.nn.functional.layer_norm(h, [spec.hidden], p["gain"][0], p["shift"][0])
        h = torch.nn.functional.gelu(h) if spec.gelu else torch.relu(h)
    if batch.mask is not None:
        h = h * batch.mask[0]
    seen = h
    if batch.partner is not None and batch.keep is not None:
        h = h * batch.keep[0] + h[batch.partner[0]] * (1 - batch.keep[0])
    labels = batch.labels[0]
    if spec.arcface:
        cosine = torch.nn.functional.normalize(h, dim=1) @ torch.nn.functional.normalize(p["w2"], dim=0)
        own = torch.nn.functional.one_hot(labels, 5).bool()
        angle = torch.acos(cosine.clamp(-1 + 1e-12, 1 - 1e-12))
        logits = spec.arcface.scale * torch.where(own, torch.cos(angle + spec.arcface.margin), cosine)
    else:
        logits = h @ p["w2"] + p["b2"][0]
    share = torch.log_softmax(logits + lanes.offsets[0], 1)
    loss = -(batch.goal[0] * share).sum()
    if spec.supcon:
        z = torch.nn.functional.normalize(h @ p["w3"] + p["b3"][0], dim=1)
        similarity = (z @ z.T / spec.supcon.temperature).fill_diagonal_(-torch.inf)
        alike = (labels[:, None] == labels) & ~torch.eye(len(labels), dtype=torch.bool)
        log_share = torch.log_softmax(similarity, 1)
        anchors = [-log_share[i, alike[i]].mean() for i in range(len(labels)) if alike[i].any()]
        loss = loss + spec.supcon.weight * torch.stack(anchors).mean()
    if spec.center and lanes.centres is not None:
        loss = loss + spec.center.weight * ((seen - lanes.centres[0][labels]) ** 2).sum(1).mean() / 2
    slopes = torch.autograd.grad(loss, list(p.values()))
    return dict(zip(p, slopes, strict=True))


def test_targets_are_torchs_weighted_cross_entropy_where_nothing_is_smoothed() -> None:
    values, labels, _, split = world()
    data = head_data(values, labels, split, 5, FLOAT64)
    shape = Shape.of(spec := from_recipe("e", 16, 32, 1, "nat-mix0"), 20, 5)
    weights = torch.tensor([[[0.2, 0.5, 1.0, 1.3, 2.0]]], dtype=FLOAT64)
    targets = Targets(torch.zeros(1, 1, 1, dtype=FLOAT64), weights, None)
    source = RowSource(
        list(data.train), [torch.ones(20, dtype=FLOAT64)] * 2, torch.tensor(data.train_labels),
        ClassRows.of(data.train_labels, 5),
    )  # fmt: skip
    batch = next(epoch_batches(shape, [StreamKey.of(spec, 0)], targets, source, "train", 1))
    logits = torch.randn(32, 5, dtype=FLOAT64, requires_grad=True)
    theirs = torch.nn.functional.cross_entropy(logits, batch.labels[0], weights[0, 0])
    (slope,) = torch.autograd.grad(theirs, logits)
    ours = batch.mass[0] * torch.softmax(logits.detach(), 1) - batch.goal[0]
    torch.testing.assert_close(ours, slope)


def test_label_smoothing_without_weights_is_torchs() -> None:
    share = torch.nn.functional.one_hot(torch.tensor([[0, 2]]), 4).to(FLOAT64)
    targets = Targets(torch.full((1, 1, 1), 0.1, dtype=FLOAT64), torch.ones(1, 1, 4, dtype=FLOAT64), None)
    soft, mass = targets.soft(share)
    logits = torch.randn(2, 4, dtype=FLOAT64)
    ours = -(soft[0] * torch.log_softmax(logits, 1)).sum() / mass.sum()
    theirs = torch.nn.functional.cross_entropy(logits, torch.tensor([0, 2]), label_smoothing=0.1)
    assert ours.item() == pytest.approx(theirs.item())


def test_a_smoothed_common_class_keeps_its_label_under_a_long_tail() -> None:
    """Weights after smoothing would leave the label of a common class less than what is spread."""
    share = torch.nn.functional.one_hot(torch.tensor([[0]]), 4).to(FLOAT64)
    weights = torch.tensor([[[0.01, 1.0, 1.0, 1.99]]], dtype=FLOAT64)
    soft, _ = Targets(torch.full((1, 1, 1), 0.1, dtype=FLOAT64), weights, None).soft(share)
    assert soft[0, 0].argmax() == 0
    assert soft[0, 0, 0] / soft.sum() == pytest.approx(0.925)


def test_the_optimizer_is_torchs_adamw() -> None:
    specs = [from_recipe("e", 16, 16, 1, f"nat-mix0-drop0-lr{rate}-wd{decay}") for rate, decay in
             (("0p001", "0p0001"), ("0p01", "0p1"), ("0p001", "0p0001"))]  # fmt: skip
    lanes = lanes_of(specs, 10, 3)
    theirs = [{name: value[lane].clone() for name, value in lanes.parameters.items()} for lane in range(3)]
    optimizers = [
        torch.optim.AdamW(list(own.values()), lr=spec.learning_rate, weight_decay=spec.weight_decay)
        for own, spec in zip(theirs, specs, strict=True)
    ]
    rng = np.random.default_rng(0)
    for _ in range(25):
        one = plain_batch(rng.normal(size=(16, 10)), rng.integers(0, 3, 16), 3)
        batch = Batch(
            one.inputs.repeat(3, 1, 1), one.goal.repeat(3, 1, 1), one.mass.repeat(3, 1, 1), one.labels.repeat(3, 1),
            None, None, None,
        )  # fmt: skip
        lanes.step(batch)
        for lane, optimizer in enumerate(optimizers):
            for name, value in theirs[lane].items():
                value.grad = lanes.gradients[name][lane].clone()
            optimizer.step()
        for lane, own in enumerate(theirs):
            for name, value in own.items():
                torch.testing.assert_close(lanes.parameters[name][lane], value, rtol=1e-12, atol=1e-14)


def test_a_uniform_prior_makes_logit_adjustment_a_no_op() -> None:
    rng = np.random.default_rng(0)
    labels = np.tile(np.arange(4), 60)
    groups = np.arange(240) // 4
    split = np.array(["train", "train", "validation", "test"])[groups % 4]
    values = rng.normal(size=(240, 10)).astype(np.float32) + np.eye(4, 10)[labels]
    recipes = ("nat-mix0", "nat-mix0-latrain1", "nat-mix0-lainfer1", "nat-mix0-lainverted1")
    heads = train_heads(
        values,
        labels,
        groups,
        [from_recipe("e", 16, 16, 1, each) for each in recipes],
        split=split,
        foreground=4,
    )
    for head in heads[1:]:
        # The same offset for every class: float32 rounds it, softmax cancels it.
        np.testing.assert_allclose(head.raw_logits(values), heads[0].raw_logits(values), atol=2e-4)
        np.testing.assert_allclose(
            head.logits(values) - head.logits(values).mean(1, keepdims=True),
            heads[0].logits(values) - heads[0].logits(values).mean(1, keepdims=True), atol=2e-4,
        )  # fmt: skip


@pytest.mark.parametrize("second", ["hard5", "crt10bal"])
def test_a_fork_equals_the_run_trained_by_itself(second: str) -> None:
    values, labels, _, split = world()
    data = head_data(values, labels, split, 5)
    first = [from_recipe("e", 16, 16, seed, "nat-mix0p1") for seed in (1, 2, 3)]
    forks = [from_recipe("e", 16, 16, seed, f"nat-mix0p1-{second}") for seed in (1, 2, 3)]
    together = {state.spec: state for state in train_lanes(first, forks, data)}
    for spec in forks:
        alone = train_lanes([spec.trained], [spec], data)[-1]
        assert alone.spec == spec
        for name, value in alone.parameters.items():
            assert torch.equal(value, together[spec].parameters[name]), name


def test_hard_mining_goes_on_from_the_best_state_and_not_from_the_last() -> None:
    values, labels, _, split = world()
    data = head_data(values, labels, split, 5)
    spec = from_recipe("e", 64, 16, 1, "nat-mix0-lr0p02-hard1")
    first, fork = train_lanes([spec.trained], [spec], data)
    assert first.status == "stopped early"
    assert first.best_epoch == first.epochs - 6
    stopped_there = train_lanes([from_recipe("e", 64, 16, 1, f"nat-mix0-lr0p02-ep{first.best_epoch}")],
                                [from_recipe("e", 64, 16, 1, f"nat-mix0-lr0p02-ep{first.best_epoch}-hard1")], data)  # fmt: skip
    assert stopped_there[0].status == "ran all epochs"
    for name, value in fork.parameters.items():
        assert torch.equal(value, stopped_there[1].parameters[name])
        assert not torch.equal(value, first.parameters[name])


def test_crt_keeps_the_first_layer_and_draws_the_last_anew() -> None:
    values, labels, _, split = world()
    spec = from_recipe("e", 16, 16, 1, "nat-mix0-gelu-ln-crt10bal")
    first, fork = train_lanes([spec.trained], [spec], head_data(values, labels, split, 5))
    for name in ("w1", "b1", "gain", "shift"):
        assert torch.equal(first.parameters[name], fork.parameters[name])
    assert not torch.allclose(first.parameters["w2"], fork.parameters["w2"], atol=0.05)
    assert fork.steps[1] == 10 * -(-int((split == "train").sum()) // 16)


def test_a_temperature_changes_no_answer_and_costs_no_training() -> None:
    values, labels, groups, split = world()
    specs = [from_recipe("e", 16, 16, 1, recipe) for recipe in ("bal-mix0p1", "bal-mix0p1-temp")]
    base, calib = train_heads(values, labels, groups, specs, split=split, foreground=5)
    assert calib.temperature is not None
    assert calib.temperature.temperature != 1
    assert np.array_equal(base.logits(values).argmax(1), calib.logits(values).argmax(1))
    assert base.metrics is not None
    assert calib.metrics is not None
    assert base.metrics.macro_f1_fg == calib.metrics.macro_f1_fg
    assert base.metrics.nll != calib.metrics.nll


def test_the_adjustment_can_be_switched_at_inference() -> None:
    values, labels, groups, split = world()
    specs = [from_recipe("e", 16, 16, 1, recipe) for recipe in ("nat-mix0", "nat-mix0-lainfer1")]
    plain, adjusted = train_heads(values, labels, groups, specs, split=split, foreground=5)
    assert np.array_equal(plain.logits(values, adjust=1.0), adjusted.logits(values))
    assert np.array_equal(adjusted.logits(values, adjust=0.0), plain.logits(values))


def test_a_run_that_diverges_says_so_and_has_no_metrics() -> None:
    values, labels, groups, split = world()
    specs = [from_recipe("e", 16, 16, 1, recipe) for recipe in ("nat-mix0-lr0p99-wd1e30-hard5", "nat-mix0")]
    broken, whole = train_heads(values, labels, groups, specs, split=split, foreground=5)
    assert broken.status == "diverged"
    assert broken.metrics is None
    assert whole.metrics is not None


def test_validation_of_other_rows_leaves_test_labels_unread() -> None:
    values, labels, groups, split = world()
    spec = from_recipe("e", 16, 16, 1, "bal-mix0p1-temp")
    other = np.where(split == "test", (labels + 1) % 5, labels)
    one = train_heads(values, labels, groups, [spec], split=split, foreground=5)[0]
    two = train_heads(values, other, groups, [spec], split=split, foreground=5)[0]
    assert all(np.array_equal(value, two.parameters[name]) for name, value in one.parameters.items())
    assert one.metrics == two.metrics


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda y, g, s: (np.where(s == "train", np.where(y == 3, 2, y), y), g, s), "no train row"),
        (lambda y, g, s: (np.where(np.arange(len(y)) == 0, 5, y), g, s), "one group"),
        (lambda y, g, s: (y, np.where(g == 1, 2, g), s), "stands in train and in validation"),
        (lambda y, g, s: (y, g, np.where(s == "validation", "test", s)), "no validation row"),
        (lambda y, g, s: (y, g, np.where(s == "test", "dev", s)), "unknown split"),
    ],
)
def test_rows_that_no_sweep_can_judge_are_refused(change: Any, says: str) -> None:
    values, labels, groups, split = world()
    with pytest.raises(ValueError, match=says):
        broken = change(labels, groups, split)
        train_heads(
            values,
            broken[0],
            broken[1],
            [from_recipe("e", 16, 16, 1, "bal-mix0")],
            split=broken[2],
            foreground=6,
        )


def test_hard_rows_weigh_3_where_wrong_and_2_where_unsure() -> None:
    """Shares of each row, its label, and what it weighs: the limits are a top share of .65 and a margin of .15."""
    rows = [
        ([0.90, 0.06, 0.04], 0, 1.0),
        ([0.90, 0.06, 0.04], 1, 3.0),  # sure and wrong
        ([0.66, 0.30, 0.04], 0, 1.0),
        ([0.64, 0.30, 0.06], 0, 2.0),  # top share below .65
        ([0.64, 0.18, 0.18], 2, 3.0),  # unsure and wrong: wrong counts
        ([0.40, 0.35, 0.25], 1, 3.0),
    ]
    shares, labels, expected = zip(*rows, strict=True)
    logits = torch.log(torch.tensor(shares, dtype=FLOAT64)) + 7.0
    assert hard_weights(logits, torch.tensor(labels)).tolist() == list(expected)


def test_a_margin_below_its_limit_alone_makes_a_row_hard(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a top share of .65 or more the margin is .3 or more: the second limit shows where the first is lowered."""
    monkeypatch.setattr("methods.heads.training.SURE_TOP", 0.0)
    logits = torch.log(torch.tensor([[0.44, 0.30, 0.26], [0.46, 0.30, 0.24]], dtype=FLOAT64))
    assert hard_weights(logits, torch.tensor([0, 0])).tolist() == [2.0, 1.0]


def test_the_prior_is_that_of_the_stream_that_trained_the_last_layer() -> None:
    counts = np.array([60, 30, 10])
    natural, uniform = np.log([0.6, 0.3, 0.1]), np.log([1 / 3] * 3)
    for recipe, expected in (
        ("nat-mix0", natural), ("bal-mix0", uniform), ("nat-mix0-crt10bal", uniform), ("bal-mix0-crt10nat", natural),
        ("nat-mix0-hard5", natural),
    ):  # fmt: skip
        assert log_prior(from_recipe("e", 16, 16, 1, recipe), counts) == pytest.approx(expected)


def test_adjusting_a_head_whose_last_layer_saw_classes_alike_changes_no_probability() -> None:
    values, labels, groups, split = world()
    head = train_heads(
        values,
        labels,
        groups,
        [from_recipe("e", 16, 16, 1, "nat-mix0-ep4-crt2bal")],
        split=split,
        foreground=5,
    )[0]
    plain, adjusted = (head.logits(values, adjust=tau) for tau in (0.0, 1.0))
    assert adjusted - plain == pytest.approx(np.full_like(plain, np.log(5)))
