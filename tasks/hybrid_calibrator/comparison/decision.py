"""What was chosen, why, and what the report images say of it, as sentences with their figures."""

from typing import Any

import pandas as pd

from methods.detection.adoption import Adoption, Challenge, Gain, images_needed, undecided
from params.hybrid_calibrator import Compare
from tasks.hybrid_calibrator.comparison.evaluation import Compared, Decided

FEATURES = {
    "structured": "structured features", "without_embedding": "all but the embedding", "all": "all features",
}  # fmt: skip


def beaten(each: Compared) -> list[str]:
    """What a raw detector, the union or the fusion does better than every calibrator, if anything."""
    sentences = []
    for found, where in (
        (each.beaten, "on the report images"),
        (each.beaten_at_optimum, "on the report images with thresholds of the pooled F1, which know no constraints"),
    ):  # fmt: skip
        if found:
            shown = "; ".join(f"{name} ({_points(gain)} against the nearest)" for name, gain in found.items())
            verb = "beats" if len(found) == 1 else "beat"
            sentences.append(f"{each.variant.name}: {shown} {verb} every calibrator {where}")
    return sentences


def above(each: Compared, made: Decided) -> list[str]:
    """What the rule could not choose, though it is above the choice where choosing is allowed."""
    name = each.variant.name
    found = made.above[name]
    if not found:
        return []
    shown = "; ".join(
        f"{row} {_told(gains['tune'])} on tune, {_told(gains['report'])} on report"
        for row, gains in found.items()
    )
    return [
        f"{name}: rows that are no challengers and are above {made.names[made.chosen[name]]} on tune: {shown}"
    ]


def control_columns(each: Compared, control: str) -> list[str]:
    """Which columns the control uses, where it chose among several."""
    losses = {name: facts["out_of_fold_log_loss"] for name, facts in each.variant.fitted["experts"].items()}
    used = each.variant.fitted["options"][control]["features"]
    if not each.more_loss:
        return []
    more = ", ".join(
        f"{FEATURES[name]} {gain:+.4f} [{low:+.4f}, {high:+.4f}]"
        + (" (not distinguishable)" if low <= 0 <= high else "")
        for name, (gain, low, high) in each.more_loss.items()
    )
    return [
        f"{each.variant.name}: the control is XGBoost on {FEATURES[used]}; out-of-fold log-loss on train "
        f"{losses[used]:.4f}; other columns, paired by image: {more}"
    ]


def alike(compared: list[Compared], made: Decided, variant: str | None = None) -> set[str]:
    """Other controls that have the control's columns, so that they say nothing more; of one variant, or of all."""
    seen = [each.variant.fitted["options"] for each in compared if variant in (None, each.variant.name)]
    return {
        name
        for name in made.others
        if all(options[name]["features"] == options[made.names[0]]["features"] for options in seen)
    }


def why(adoption: Adoption, made: Decided, alike: set[str], params: Compare) -> list[str]:
    sentences = []
    for step in adoption.challenges:
        name, incumbent = made.names[step.challenger], made.names[step.incumbent]
        gain = f"F1 {_told(step.over_incumbent)} against {incumbent}{_over_others(step, made, alike)}"
        if step.adopted_for == "F1":
            sentences.append(f"{name} is adopted: {gain}")
        elif step.adopted_for == "recall":
            sentences.append(
                f"{name} is adopted for its recall, {100 * step.over_incumbent.recall:+.1f} points; {gain}"
            )
        elif not step.precise:
            sentences.append(
                f"{name} is not adopted: its precision differs from the control's by "
                f"{100 * step.over_control.precision:+.1f} points, {100 * params.adoption.max_precision_drop:.1f} may be lost; {gain}"
            )
        else:
            sentences.append(f"{name} is not adopted: {gain}")
    return sentences


def _over_others(step: Challenge, made: Decided, alike: set[str]) -> str:
    return "".join(
        f", {_told(gain)} against {name}"
        for name, gain in zip(made.others, step.over_others, strict=True)
        if name not in alike
    )


def across(made: Decided, compared: list[Compared], params: Compare) -> list[str]:
    own = {name: made.names[adoption.chosen] for name, adoption in made.own.items()}
    if len(set(own.values())) == 1:
        return []
    if made.pooled is None:
        return [f"the variants disagree ({listed(own)}): each keeps its own choice"]
    sentences = "; ".join(why(made.pooled, made, alike(compared, made), params))
    return [f"the variants disagree ({listed(own)}), so their pooled counts choose for all: {sentences}"]


def confirmed(each: Compared, made: Decided, table: pd.DataFrame) -> str:
    """What the report images say of the choice, and how many would decide where they cannot tell."""
    variant = each.variant.name
    number, reported, verdict = made.chosen[variant], made.reported[variant], made.verdicts[variant]
    name, same = made.names[number], alike([each], made)
    steps = [reported.challenges[number - 1]] if number else reported.challenges
    of_all = " over all variants" if made.pooled else ""
    gains = "".join(
        f"; {made.names[step.challenger]} {_told(step.over_control)} against {made.names[0]}"
        f"{_over_others(step, made, same)}{of_all}"
        for step in steps
    )
    there = (
        "" if reported.chosen == number else f"; there the rule would choose {made.names[reported.chosen]}"
    )
    needed = [_needed(step, made, each) for step in steps] if verdict == "cannot tell" else []
    return (
        f"{variant}, report images, which chose nothing: {verdict}; {name} has F1 "
        f"{_row(table, each, name)['f1']:.3f}{gains}{there}{''.join(needed)}"
    )


def _needed(step: Challenge, made: Decided, each: Compared) -> str:
    gain = undecided(step, made.rule)
    images = images_needed(gain, int(each.variant.scene.report.sum())) if gain else None
    if gain is None or images is None:
        return ""
    against = [made.names[0], *made.others][[step.over_control, *step.over_others].index(gain)]
    return (
        f"; if the gain stays, about {images} report images would end the interval of "
        f"{made.names[step.challenger]} against {against} at 0"
    )


def _row(table: pd.DataFrame, each: Compared, option: str) -> dict[Any, Any]:
    rows = table[(table["variant"] == each.variant.name) & (table["option"] == option)]
    record: dict[Any, Any] = rows.to_dict("records")[0]
    return record


def _points(gain: Gain) -> str:
    return f"{100 * gain.f1:+.1f} points [{100 * gain.low:+.1f}, {100 * gain.high:+.1f}]"


def _told(gain: Gain) -> str:
    return _points(gain) + (" (not distinguishable)" if gain.low <= 0 <= gain.high else "")


def listed(chosen: dict[str, str]) -> str:
    return ", ".join(f"{name}: {option}" for name, option in chosen.items())
