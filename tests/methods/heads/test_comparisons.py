"""Which runs differ in one thing alone."""

from methods.heads.comparisons import factor_pairs, family_pairs, knob_pairs, profile_pairs
from methods.heads.specs import HeadSpec, from_recipe


def spec(recipe: str, seed: int = 1, encoder: str = "a", hidden: int = 64) -> HeadSpec:
    return from_recipe(encoder, hidden, 16, seed, recipe)


def test_profiles_are_paired_within_cell_and_seed() -> None:
    specs = [spec("bal-mix0", 1), spec("bal-mix0", 2), spec("bal-mix0-center", 2), spec("bal-mix0-center", 3),
             spec("bal-mix0-center-ls0p1", 1)]  # fmt: skip
    profiles = ["base", "base", "std", "std", "std"]
    assert profile_pairs(specs, profiles, "std", "base") == [(2, 1)]


def test_a_knob_is_compared_only_where_all_else_is_alike() -> None:
    specs = [
        spec("bal-mix0p1"),
        spec("bal-mix0p1-center"),
        spec("bal-mix0p1-center-gelu-ln"),
        spec("bal-mix0-center"),
    ]
    assert knob_pairs(specs, "standardise") == [(1, 0)]
    assert knob_pairs(specs, "gelu + layer norm") == [(2, 1)]
    assert knob_pairs(specs, "mixup") == [(1, 3)]
    assert knob_pairs(specs, "SupCon") == []


def test_weights_that_replace_the_sampler_are_compared_with_it() -> None:
    specs = [spec("bal-mix0p1"), spec("nat-mix0p1-eff0p9999"), spec("nat-mix0p1")]
    assert knob_pairs(specs, "effective for balanced") == [(1, 0)]
    assert knob_pairs(specs, "effective weights") == [(1, 2)]


def test_one_corrections_effect_is_not_that_of_a_second_one() -> None:
    specs = [
        spec(f"nat-mix0{tokens}")
        for tokens in ("", "-latrain1", "-lainfer1", "-latrain1-lainfer1", "-lainverted1")
    ]
    assert knob_pairs(specs, "logit adjustment, training") == [(1, 0)]
    assert knob_pairs(specs, "logit adjustment, inference") == [(2, 0)]
    assert knob_pairs(specs, "logit adjustment, both") == [(3, 0)]
    assert knob_pairs(specs, "logit adjustment, inverted sign") == [(4, 0)]


def test_encoders_are_paired_in_equal_recipes() -> None:
    specs = [
        spec("bal-mix0"),
        spec("bal-mix0-ls0p1"),
        spec("bal-mix0", encoder="b"),
        spec("nat-mix0", encoder="b"),
    ]
    values = [{"encoder": "a"}, {"encoder": "b"}]
    assert [pairs for _, _, pairs in factor_pairs(specs, values)] == [[(2, 0)]]


def test_families_are_paired_encoder_by_encoder_in_equal_recipes() -> None:
    specs = [spec("bal-mix0", encoder=name) for name in ("s", "l", "clip")] + [
        spec("nat-mix0", encoder="clip")
    ]
    families = {"s": "dino", "l": "dino", "clip": "clip"}
    assert list(family_pairs(specs, families)) == [("dino", "clip", [(2, 0), (2, 1)])]
    assert list(family_pairs(specs, dict.fromkeys(families, "all"))) == []
