"""decision.json: what is chosen, its reasons as kinds with figures, and the evidence; and the thresholds of all rows."""

from math import isfinite
from typing import Any

from methods.detection.adoption import Challenge, Gain, images_needed, undecided_gain
from methods.detection.evaluation import micro
from methods.detection.f1_sweep import ClassThreshold
from params.hybrid_calibrator import Compare
from storage.files.markdown import rounded
from tasks.hybrid_calibrator.comparison.choice import DetectionChoice
from tasks.hybrid_calibrator.comparison.evaluation import VariantEvaluation
from tasks.report.decision import POWER, Action, BetterOption, Decision, Grade, Requirement, stated
from tasks.report.templates import Reason

ACTIONS = {Grade.HOLDS: Action.SHIP, Grade.CANNOT_TELL: Action.COLLECT, Grade.FAILS: Action.KEEP}
REASONS = "tasks/hybrid_calibrator/comparison/reasons.j2"


def decision(
    choice: DetectionChoice, evaluations: list[VariantEvaluation], params: Compare, absent: list[str]
) -> dict[str, Any]:
    """decision.json; its grade says whether the choice holds on the report images, in the worst variant."""
    options = choice.options
    action, grade = _verdict(choice, evaluations)
    return Decision(
        format=1,
        experiment="hybrid_calibrator",
        action=action,
        grade=grade,
        chosen=options if len({*options.values()}) > 1 else next(iter(options.values())),
        control=choice.names[0],
        better_than_chosen=_better(choice, {each.name for each in evaluations if not _few(each, choice)}),
        would_change=[
            Requirement(**need, power=POWER)
            for each in evaluations
            for need in (_undecided(choice, each) if action is Action.COLLECT else [])
        ],
        reasons=stated(REASONS, _reasons(choice, evaluations, absent)),
        evidence={
            "rule": params.adoption.model_dump(),
            "thresholds": params.thresholds.model_dump(),
            "nms_ious": params.nms_ious,
            "answerable": choice.answerable,
            "variants": {each.name: _evidence(each, choice) for each in evaluations},
            "pooled": _challenges(choice.pooled.challenges, choice) if choice.pooled else None,
        },
    ).model_dump(mode="json")


def _verdict(choice: DetectionChoice, evaluations: list[VariantEvaluation]) -> tuple[Action, Grade]:
    """Where the control stays, more images may show more only if a challenger is above it on the tune images."""
    if not choice.answerable:
        return Action.REDESIGN, Grade.NOT_JUDGED
    if any(_few(each, choice) for each in evaluations):
        return Action.COLLECT, Grade.CANNOT_TELL
    if any(choice.chosen.values()):
        grade = Grade(choice.verdict)
        return ACTIONS[grade], grade
    above = any(undecided_gain(step, choice.rule) for step in _steps_above(choice, evaluations))
    return (Action.COLLECT if above else Action.KEEP), Grade.NOT_JUDGED


def _steps_above(choice: DetectionChoice, evaluations: list[VariantEvaluation]) -> list[Challenge]:
    """Challenges on the tune images whose F1 is above that of the control and of all others."""
    return [
        step
        for each in evaluations
        for step in choice.own[each.name].challenges
        if min(gain.f1 for gain in (step.over_control, *step.over_others)) > 0
    ]


def _few(each: VariantEvaluation, choice: DetectionChoice) -> bool:
    return min(each.images(split) for split in ("tune", "report")) < choice.rule.min_images


def _better(choice: DetectionChoice, sizeable: set[str]) -> list[BetterOption]:
    """Rows that are no challengers, shown to be above the choice on the tune images and again on the report images."""
    return [
        BetterOption(
            name=name, figure=f"F1, {variant}", gain=rounded(gains["report"].f1),
            low=rounded(gains["report"].low), high=rounded(gains["report"].high),
        )
        for variant, rows in choice.above.items()
        if variant in sizeable  # of fewer images no interval holds
        for name, gains in rows.items()
        if gains["tune"].low > 0 and gains["report"].low > 0
    ]  # fmt: skip


def thresholds(choice: DetectionChoice, evaluations: list[VariantEvaluation]) -> dict[str, Any]:
    """Per variant and row, the IoU of NMS (null: none) and the score from which each class is accepted; what is infinite is
    text."""

    def entry(each: ClassThreshold) -> dict[str, Any]:
        return {
            **vars(each),
            "threshold": each.threshold if isfinite(each.threshold) else str(each.threshold),
        }

    return {
        "chosen": choice.options,
        "nms_ious": {each.name: {row.name: row.nms_iou for row in each.rows} for each in evaluations},
        "thresholds": {
            each.name: {
                row.name: dict(zip(each.variant.classes, map(entry, row.acceptance.thresholds), strict=True))
                for row in each.rows
            }
            for each in evaluations
        },
    }


def ahead(each: VariantEvaluation) -> list[Reason]:
    """What a raw detector, the union or the fusion does better than every calibrator, if anything."""
    return [
        Reason("ahead", {"variant": each.name, "gains": gains, "at_optimum": at_optimum})
        for gains, at_optimum in ((each.ahead, False), (each.ahead_at_optimum, True))
        if gains
    ]


def _reasons(
    choice: DetectionChoice, evaluations: list[VariantEvaluation], absent: list[str]
) -> list[Reason]:
    own = {variant: choice.names[adoption.chosen] for variant, adoption in choice.own.items()}
    pooled = _steps(choice.pooled.challenges, choice, evaluations) if choice.pooled else []
    copies = {name: other for each in evaluations for name, other in each.variant.copies.items()}
    return [
        *([] if choice.answerable else [Reason("not_answerable", {"control": choice.names[0], "copies": copies})]),
        *(Reason("few_images", _sizes(each, choice)) for each in evaluations if _few(each, choice)),
        *(reason for each in evaluations for reason in ahead(each)),
        *(_confirmation(each, choice) for each in evaluations if choice.answerable),
        *(
            Reason("challenge", {"variant": each.name, "step": step})
            for each in evaluations
            for step in _steps(choice.own[each.name].challenges, choice, [each])
        ),
        *(
            Reason("above", {"variant": variant, "chosen": choice.options[variant], "rows": rows})
            for variant, rows in choice.above.items()
            if rows
        ),
        *(_control_columns(each, choice.names[0]) for each in evaluations if each.more_loss),
        *([Reason("disagreement", {"own": _listing(own), "pooled": pooled})] if len({*own.values()}) > 1 else []),
        *(Reason("absence", {"variant": variant}) for variant in absent),
    ]  # fmt: skip


def _sizes(each: VariantEvaluation, choice: DetectionChoice) -> dict[str, Any]:
    sizes = {split: each.images(split) for split in ("tune", "report")}
    return {"variant": each.name, "fewest": choice.rule.min_images, **sizes}


def _control_columns(each: VariantEvaluation, control: str) -> Reason:
    """Which columns the control uses, where it chose among several."""
    used = each.variant.facts["options"][control]["features"]
    loss = each.variant.facts["experts"][used]["out_of_fold_log_loss"]
    figures = {"variant": each.name, "used": used, "loss": loss, "others": each.more_loss}
    return Reason("control_columns", figures)


def _confirmation(each: VariantEvaluation, choice: DetectionChoice) -> Reason:
    """What the report images say of the choice, and how many would decide where they cannot tell."""
    number, report, verdict = choice.chosen[each.name], choice.report[each.name], choice.verdicts[each.name]
    challenges = [report.challenges[number - 1]] if number else report.challenges
    figures = {
        "variant": each.name,
        "verdict": verdict,
        "chosen": choice.names[number],
        "f1": micro(each.counts([choice.names[number]], "report")[0].counts).f1,
        "control": choice.names[0],
        "steps": _steps(challenges, choice, [each]),
        "pooled": choice.pooled is not None,
        "choice_there": choice.names[report.chosen],
    }
    return Reason("confirmation", figures)


def _undecided(choice: DetectionChoice, each: VariantEvaluation) -> list[dict[str, Any]]:
    """How many images would decide: of the report, where they cannot tell of the choice; of tune, where the control stays
    though a challenger is above it there."""
    number = choice.chosen[each.name]
    if number == 0 and (steps := _steps_above(choice, [each])):
        return [_need(step, "tune", choice, each) for step in steps if undecided_gain(step, choice.rule)]
    if number and choice.verdicts[each.name] == "cannot tell":
        return [_need(choice.report[each.name].challenges[number - 1], "report", choice, each)]
    return []


def _need(step: Challenge, split: str, choice: DetectionChoice, each: VariantEvaluation) -> dict[str, Any]:
    present, least = each.images(split), choice.rule.min_images
    gain = undecided_gain(step, choice.rule) or min(
        (step.over_control, *step.over_others), key=lambda g: g.f1
    )
    over = [choice.names[0], *choice.others][[step.over_control, *step.over_others].index(gain)]
    needed = images_needed(gain, present, choice.rule.level, POWER)
    return {
        "claim": f"{each.name}: {choice.names[step.challenger]} against {over}",
        "unit": f"{split} images",
        "present": present,
        "needed": None if needed is None and present >= least else max(needed or 0, least),
    }


def _steps(
    challenges: list[Challenge], choice: DetectionChoice, evaluations: list[VariantEvaluation]
) -> list[dict[str, Any]]:
    """For words; other controls that have the control's columns in all these variants say nothing more."""
    names, facts = choice.names, [each.variant.facts["options"] for each in evaluations]
    alike = {
        name
        for name in choice.others
        if all(options[name]["features"] == options[names[0]]["features"] for options in facts)
    }
    return [
        {
            "challenger": names[step.challenger],
            "incumbent": names[step.incumbent],
            "challenge": step,
            "others": {
                name: gain
                for name, gain in zip(choice.others, step.over_others, strict=True)
                if name not in alike
            },
            "max_precision_drop": choice.rule.max_precision_drop,
        }
        for step in challenges
    ]


def _evidence(each: VariantEvaluation, choice: DetectionChoice) -> dict[str, Any]:
    above = choice.above[each.name]
    return {
        "chosen": choice.options[each.name],
        "own_choice": choice.names[choice.own[each.name].chosen],
        "verdict": choice.verdicts[each.name],
        "tune": _challenges(choice.own[each.name].challenges, choice),
        "report": _challenges(choice.report[each.name].challenges, choice),
        "no_challengers_above_the_choice_on_tune": {name: _gains(gains) for name, gains in above.items()},
        "report_f1": {row.name: rounded(micro(row.report.counts).f1) for row in each.rows},
        "beats_every_calibrator": _gains(each.ahead),
        "beats_every_calibrator_at_micro_optimum": _gains(each.ahead_at_optimum),
    }


def _challenges(challenges: list[Challenge], choice: DetectionChoice) -> list[dict[str, Any]]:
    return [
        {
            "challenger": choice.names[step.challenger],
            "incumbent": choice.names[step.incumbent],
            "over_control": _gain(step.over_control),
            "over_incumbent": _gain(step.over_incumbent),
            "over_first_challenger": _gain(step.over_first) if step.over_first else None,
            "over_other_controls": _gains(dict(zip(choice.others, step.over_others, strict=True))),
            "adopted_for": step.adopted_for,
        }
        for step in challenges
    ]


def _gains(gains: dict[str, Gain]) -> dict[str, dict[str, float]]:
    return {name: _gain(gain) for name, gain in gains.items()}


def _gain(gain: Gain) -> dict[str, float]:
    return {name: rounded(value) for name, value in vars(gain).items()}


def _listing(options: dict[str, str]) -> str:
    return ", ".join(f"{variant}: {option}" for variant, option in options.items())
