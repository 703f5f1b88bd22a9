"""Which runs of a sweep differ in one thing alone: profiles, knobs, smoothing, encoders, sizes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from methods.heads.specs import HeadSpec

# What a knob is compared with. Two knobs stand together where one cannot be had without the other.
KNOBS: Mapping[str, Mapping[str, Any]] = {
    "label smoothing": {"smoothing": 0.0},
    "standardise": {"standardise": False},
    "gelu + layer norm": {"gelu": False, "layer_norm": False},
    "effective for balanced": {"effective": None, "sampler": "balanced"},
    "effective weights": {"effective": None},
    "hard mining": {"hardmine": 0},
    "temperature": {"calibrated": False},
    "mixup": {"mixup": 0.0},
    "natural for balanced": {"sampler": "balanced"},
    "logit adjustment, training": {"adjust_train": 0.0},
    "logit adjustment, inference": {"adjust_infer": 0.0},
    "logit adjustment, both": {"adjust_train": 0.0, "adjust_infer": 0.0},
    "logit adjustment, inverted sign": {"adjust_train": 0.0},
    "ArcFace": {"arcface": None},
    "SupCon": {"supcon": None},
    "feature noise": {"noise": 0.0},
    "channel scale": {"scale": 0.0},
    "manifold mixup": {"manifold_mixup": 0.0},
    "center loss": {"center": None},
    "cRT": {"retrain": None},
}

ONLY_WHERE: Mapping[str, Mapping[str, Any]] = {  # one correction's effect is not that of a second one
    "logit adjustment, training": {"adjust_infer": 0.0},
    "logit adjustment, inference": {"adjust_train": 0.0},
    "logit adjustment, inverted sign": {"adjust_infer": 0.0},
}
Pair = tuple[int, int]


def cell(spec: HeadSpec) -> tuple[str, int, int, float]:
    """What a profile is averaged over, seeds aside."""
    return spec.encoder, spec.hidden, spec.batch, spec.smoothing


def profile_pairs(specs: Sequence[HeadSpec], profiles: Sequence[str], one: str, other: str) -> list[Pair]:
    """Runs of profile `one` with those of `other` in the same cell and of the same seed."""
    place = {
        (cell(spec), spec.seed): number
        for number, (spec, profile) in enumerate(zip(specs, profiles, strict=True))
        if profile == other
    }
    return [
        (number, place[cell(spec), spec.seed])
        for number, (spec, profile) in enumerate(zip(specs, profiles, strict=True))
        if profile == one and (cell(spec), spec.seed) in place
    ]


def knob_pairs(specs: Sequence[HeadSpec], knob: str) -> list[Pair]:
    """Runs with the knob on, each with the run that differs in nothing else."""
    off = KNOBS[knob]
    place = {spec: number for number, spec in enumerate(specs)}
    found = []
    for number, spec in enumerate(specs):
        on = all(getattr(spec, name) != value for name, value in off.items()) and _sign_fits(spec, knob)
        if on and all(getattr(spec, name) == value for name, value in ONLY_WHERE.get(knob, {}).items()):
            without = _without(spec, off)
            if without is not None and without in place:
                found.append((number, place[without]))
    return found


def factor_pairs(
    specs: Sequence[HeadSpec], values: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any], list[Pair]]]:
    """For the values of a factor (encoder, size) as fields of a spec: each pair of values with the runs that differ in
    it alone."""
    place = {spec: number for number, spec in enumerate(specs)}
    for later, second in enumerate(values):
        for first in values[:later]:
            pairs = []
            for number, spec in enumerate(specs):
                if all(getattr(spec, name) == value for name, value in second.items()):
                    without = _without(spec, first)
                    if without is not None and without in place:
                        pairs.append((number, place[without]))
            if pairs:
                yield first, second, pairs


def family_pairs(
    specs: Sequence[HeadSpec], families: Mapping[str, str]
) -> Iterator[tuple[str, str, list[Pair]]]:
    """Each pair of families of encoders (encoder -> family), with the runs of the second and those of the first that
    differ in their encoder alone: every one with every other."""
    alike: dict[HeadSpec, list[int]] = {}
    for number, spec in enumerate(specs):
        alike.setdefault(replace(spec, encoder="any"), []).append(number)
    names = list(dict.fromkeys(families.values()))
    for later, second in enumerate(names):
        for first in names[:later]:
            pairs = [
                (i, j)
                for same in alike.values()
                for i in same
                for j in same
                if families[specs[i].encoder] == second and families[specs[j].encoder] == first
            ]
            if pairs:
                yield first, second, pairs


def _sign_fits(spec: HeadSpec, knob: str) -> bool:
    if "adjust_train" not in KNOBS[knob]:
        return True
    return (spec.adjust_train < 0) == knob.endswith("inverted sign")


def _without(spec: HeadSpec, values: Mapping[str, Any]) -> HeadSpec | None:
    """None where what is left would contradict itself."""
    try:
        return replace(spec, **values)
    except ValueError:
        return None
