"""An id says the whole recipe and parses back; recipes that contradict themselves are refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from methods.heads.specs import ArcFace, CenterLoss, HeadSpec, Retraining, SupCon, from_recipe

NUMBERS = st.floats(1e-6, 0.99, allow_nan=False)
SAMPLERS = st.sampled_from(["balanced", "natural"])


@st.composite
def specs(draw: Any) -> HeadSpec:
    """Any recipe that does not contradict itself."""
    values = {
        "smoothing": draw(st.just(0.0) | NUMBERS),
        "standardise": draw(st.booleans()),
        "gelu": draw(st.booleans()),
        "layer_norm": draw(st.booleans()),
        "effective": draw(st.none() | NUMBERS),
        "adjust_train": draw(st.just(0.0) | NUMBERS | NUMBERS.map(lambda x: -x)),
        "adjust_infer": draw(st.just(0.0) | NUMBERS),
        "arcface": draw(st.none() | st.builds(ArcFace, st.floats(1, 64), NUMBERS)),
        "supcon": draw(st.none() | st.builds(SupCon, st.integers(2, 256), NUMBERS, NUMBERS, st.booleans())),
        "center": draw(st.none() | st.builds(CenterLoss, NUMBERS, NUMBERS)),
        "noise": draw(st.just(0.0) | NUMBERS),
        "scale": draw(st.just(0.0) | NUMBERS),
        "manifold_mixup": draw(st.just(0.0) | NUMBERS),
        "hardmine": draw(st.integers(0, 9)),
        "retrain": draw(st.none() | st.builds(Retraining, st.integers(1, 20), SAMPLERS)),
        "calibrated": draw(st.booleans()),
        "dropout": draw(st.just(0.1) | NUMBERS),
        "learning_rate": draw(st.just(1e-3) | NUMBERS),
        "epochs": draw(st.integers(1, 99)),
    }
    kept = dict(draw(st.permutations(list(values.items())))[: draw(st.integers(0, 8))])
    try:
        return HeadSpec(
            draw(st.sampled_from(["wide", "vit_small_patch16_dinov3.lvd1689m", "clip-b32"])),
            draw(st.sampled_from([0, 8, 512])), draw(st.sampled_from([16, 512])), draw(st.integers(0, 99)),
            draw(SAMPLERS), draw(st.just(0.0) | NUMBERS), **kept,
        )  # fmt: skip
    except ValueError:
        return HeadSpec("wide", 64, 16, 1, "balanced", 0.1)


@given(specs())
def test_an_id_parses_back_to_its_spec(spec: HeadSpec) -> None:
    assert HeadSpec.parse(spec.id) == spec


def test_an_id_reads_like_the_profile_it_is() -> None:
    spec = from_recipe("wide", 256, 64, 3, "nat-mix0p1-center-gelu-ln-eff0p9999-hard5-temp-ls0p1")
    assert spec.id == "wide__h256b64__nat-mix0p1-ls0p1-center-gelu-ln-eff0p9999-hard5-temp__s3"
    assert from_recipe("wide", 0, 64, 3, "bal-mix0").id == "wide__linearb64__bal-mix0-ls0__s3"


def test_a_state_leaves_out_what_needs_no_training() -> None:
    spec = from_recipe("e", 64, 16, 1, "nat-mix0-hard5-temp-lainfer1")
    assert spec.state == from_recipe("e", 64, 16, 1, "nat-mix0-hard5")
    assert spec.trained == from_recipe("e", 64, 16, 1, "nat-mix0")


@pytest.mark.parametrize(
    ("recipe", "says"),
    [
        ("bal-mix0-eff0p9999", "balance twice"),
        ("bal-mix0-latrain1", "uniform"),
        ("bal-mix0-lainfer1", "corrects nothing"),
        ("nat-mix0-eff0p9999-lainfer1", "corrects nothing"),
        ("nat-mix0-eff0p9999-latrain1", "both rebalance"),
        ("bal-mix0-lainverted1", "uniform"),
        ("nat-mix0-crt10bal-lainfer1", "corrects nothing"),
        ("nat-mix0-latrain1-crt10bal", "takes the effect of both away"),
        ("nat-mix0-lainverted1-crt10nat", "takes the effect of both away"),
        ("nat-mix0-eff0p9999-crt10nat", "takes the effect of both away"),
        ("nat-mix0p1-arc30m0p2", "mix0"),
        ("bal-mix0p1-sup128t0p07w1", "mix0"),
        ("bal-mix0p1-cen0p003a0p5", "mix0"),
        ("bal-mix0p1-mmix2", "mix0"),
        ("nat-mix0-hard5-crt10bal", "second phases"),
        ("nat-mix0-arc30m0p2-crt10bal", "ArcFace"),
        ("bal-mix0-typo3", "no knob"),
        ("bal-mix0-bal", "twice"),
        ("bal-gelu", "mixup"),
        ("mix0", "sampler"),
        ("bal-mix0-ls1", "smoothing"),
    ],
)
def test_a_recipe_in_which_one_knob_turns_another_off_is_refused(recipe: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        from_recipe("e", 64, 16, 1, recipe)


def test_the_last_layer_has_the_stream_of_the_phase_that_trained_it() -> None:
    """A last layer retrained on the natural stream has a prior to correct, whatever the first phase saw."""
    assert from_recipe("e", 64, 16, 1, "bal-mix0-crt10nat-lainfer1").last_sampler == "natural"
    assert from_recipe("e", 64, 16, 1, "nat-mix0-crt10bal").last_sampler == "balanced"
    assert from_recipe("e", 64, 16, 1, "nat-mix0").last_sampler == "natural"


@pytest.mark.parametrize("token", ["gelu", "ln", "sup128t0p07w1", "cen0p003a0p5", "mmix2", "crt10bal"])
def test_a_linear_head_has_no_hidden_layer_to_act_on(token: str) -> None:
    with pytest.raises(ValueError, match="linear head"):
        from_recipe("e", 0, 16, 1, f"nat-mix0-{token}")


@pytest.mark.parametrize(("hidden", "batch", "says"), [(64, 24, "multiple of 16"), (4, 16, "at least 8")])
def test_sizes_without_fixed_bits_are_refused(hidden: int, batch: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        from_recipe("e", hidden, batch, 1, "bal-mix0")


@pytest.mark.parametrize(
    "run_id", ["wide", "wide__h64b16__bal-mix0", "a__b__h64b16__bal-mix0__s1", "w__h64__bal-mix0__s1"]
)
def test_what_is_no_id_is_refused(run_id: str) -> None:
    with pytest.raises(ValueError, match=r"seed|underscores"):
        HeadSpec.parse(run_id)
