"""What the rule chooses on the tune images, per variant or over all, and what the report images say of it."""

from dataclasses import dataclass
from pathlib import Path

from methods.detection.adoption import (
    Adoption,
    AdoptionRule,
    Gain,
    Verdict,
    adopt,
    confirmation,
    gain,
    totals,
    worst,
)
from params.hybrid_calibrator import Compare
from storage.files.inputs import InputError
from tasks.hybrid_calibrator.comparison.evaluation import VariantEvaluation


@dataclass(frozen=True)
class DetectionChoice:
    """names: the control and its challengers in the order of the rule, the control alone where no source has a classifier;
    others: the other controls; per variant what it chose and why.

    report: what the rule would choose on the report images, which only confirm. above: per variant the rows that
    are not among names and above the choice on the tune images, with their gains there and on the report images.
    pooled is the choice over all variants together, where the variants disagree and the rule asks for it.
    """

    answerable: bool
    names: list[str]
    others: list[str]
    rule: AdoptionRule
    own: dict[str, Adoption]
    pooled: Adoption | None
    chosen: dict[str, int]
    report: dict[str, Adoption]
    above: dict[str, dict[str, dict[str, Gain]]]
    verdicts: dict[str, Verdict]

    @property
    def verdict(self) -> Verdict:
        return worst(list(self.verdicts.values()))

    @property
    def options(self) -> dict[str, str]:
        """Variant -> the option that it chose."""
        return {variant: self.names[number] for variant, number in self.chosen.items()}


def choose(evaluations: list[VariantEvaluation], params: Compare) -> DetectionChoice:
    policy, options = params.adoption, evaluations[0].variant.options
    facts = evaluations[0].variant.facts["options"]
    names, others = [options[0], *policy.challengers], policy.other_controls
    _refuse_unknown(policy.challengers, [*facts][1:], "options")
    _refuse_unknown(others, [name for name in [*facts][1:] if "features" in facts[name]], "boosted options")
    answerable = all(each.variant.classified for each in evaluations)
    if not answerable:  # what blends would add is not there
        names, others = names[:1], []
    rule = AdoptionRule(policy.max_precision_drop, policy.min_recall_gain, params.level, policy.min_images)

    def adoption(split: str, variants: list[VariantEvaluation]) -> Adoption:
        counts = totals([each.counts([*names, *others], split) for each in variants])
        return adopt(counts[: len(names)], rule, counts[len(names) :])

    own = {each.name: adoption("tune", [each]) for each in evaluations}
    pooled = None
    if policy.variants == "pooled" and len({each.chosen for each in own.values()}) > 1:
        pooled = adoption("tune", evaluations)
    chosen = {name: (pooled or each).chosen for name, each in own.items()}
    report = {each.name: adoption("report", evaluations if pooled else [each]) for each in evaluations}
    above = {each.name: _above(each, names[chosen[each.name]], names, rule) for each in evaluations}
    verdicts = {name: confirmation(chosen[name], each, rule) for name, each in report.items()}
    return DetectionChoice(answerable, names, others, rule, own, pooled, chosen, report, above, verdicts)


def _above(
    each: VariantEvaluation, chosen: str, challengers: list[str], rule: AdoptionRule
) -> dict[str, dict[str, Gain]]:
    names = [row.name for row in each.rows if row.name not in challengers]
    gains: dict[str, dict[str, Gain]] = {}
    for split in ("tune", "report"):
        base, *others = each.counts([chosen, *names], split)
        for name, other in zip(names, others, strict=True):
            gains.setdefault(name, {})[split] = gain(other, base, rule.level)
    return {name: found for name, found in gains.items() if found["tune"].f1 > 0}


def _refuse_unknown(names: list[str], known: list[str], what: str) -> None:
    if unknown := sorted(set(names) - set(known)):
        raise InputError(
            Path("params.yaml"), f"names {unknown}, which are no {what} besides the control; there are {known}",
            field="hybrid_calibrator.compare.adoption",
        )  # fmt: skip
