"""The decision and its reasons in words: every number comes from the tables."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from methods.heads.comparisons import cell
from methods.heads.noise import Difference
from params.head_sweep import Compare
from storage.files.markdown import rounded
from tasks.head_sweep.comparison.choice import Choice
from tasks.head_sweep.comparison.evaluation import PARTS, Judged
from tasks.head_sweep.comparison.tables import BETTER, HELPS, NOISE, NOT_HOLM, STILL


@dataclass(frozen=True)
class Made:
    """Everything that compare found; recipes and noise are of the dataset that decides."""

    planned: Mapping[str, Any]
    judged: Sequence[Judged]
    choice: Choice
    profiles: pd.DataFrame
    knobs: pd.DataFrame
    factors: pd.DataFrame
    recipes: pd.DataFrame
    noise: Mapping[str, Any]
    params: Compare

    @property
    def first(self) -> Judged:
        return self.judged[0]

    @property
    def control(self) -> str:
        return self.first.control

    def name(self, runs: Sequence[int]) -> str:
        return self.first.runs[runs[0]].recipe

    def of_first(self, table: pd.DataFrame) -> pd.DataFrame:
        return table[table["dataset"] == self.first.dataset] if len(table) else table


def decision(made: Made) -> dict[str, Any]:
    """chosen, control, verdict (does the choice hold on test), reasons, evidence."""
    choice, first = made.choice, made.first
    chosen, control = (first.mean(own, "test") for own in (choice.chosen, choice.control))
    return {
        "chosen": made.name(choice.chosen),
        "control": made.name(choice.control),
        "verdict": choice.verdict,
        "reasons": [
            *_why(made), *_scarce(made), *_sweep(made), *_toggles_in_words(made), *_noise_in_words(made),
            *_temperature(made), *_what_failed(made),
        ],
        "evidence": {
            "preset": made.planned["preset"],
            **{name: made.planned[name] for name in ("runs", "trainings", "forks", "post_hoc")},
            "failed": sum(len(each.failed) for each in made.judged),
            **{f"{part}_{name}": getattr(first.splits[part], name) for part in PARTS for name in ("rows", "groups")},
            "best_on_validation": made.name(choice.best),
            "compared_with": made.name(choice.against) if choice.against else None,
            "validation_macro_f1_fg": _rounded(first.mean(choice.best, "validation")),
            "control_validation_macro_f1_fg": _rounded(first.mean(choice.control, "validation")),
            "gain_on_validation": _written(choice.gain),
            "gain_on_test": _written(choice.test),
            "macro_f1_fg": _rounded(chosen),
            "control_macro_f1_fg": _rounded(control),
            "few_rows": {part: dict(first.scarce(part, made.params.few_rows)) for part in PARTS},
            "noise": {
                name: rounded(value) if isinstance(value, float) else value for name, value in made.noise.items()
            },
            "optional_toggles": toggles(made, HELPS[0]),
            "harmful_toggles": toggles(made, HELPS[1]),
            "left_out": dict(choice.left_out),
        },
    }  # fmt: skip


def toggles(made: Made, verdict: str) -> list[dict[str, Any]]:
    """Knobs of which inner validation says `verdict`, with both differences, and whether test confirms it."""
    own = made.of_first(made.knobs)
    chosen = own[own["validation_verdict"] == verdict] if len(own) else own
    return [
        {
            "knob": row["knob"],
            **{
                f"{part}{name}": rounded(row[f"{part}delta{end}"])
                for part in ("validation_", "")
                for name, end in (("delta", ""), ("low", "_low"), ("high", "_high"))
            },
            "on_test": row["on_test"],
        }
        for row in chosen.to_dict("records")
    ]


def _why(made: Made) -> Iterable[str]:
    choice, first = made.choice, made.first
    best = made.name(choice.best)
    own, rows = first.mean(choice.best, "validation"), first.validation
    opening = (
        f"inner validation ({rows.rows:,} rows, {rows.groups} groups; mean of {len(choice.best)} seed(s)): {best} is "
        f"first with macro F1 {interval(own)}"
    )
    if choice.gain is None or choice.test is None:
        yield f"{opening}; no other recipe shares a seed with it, so there is nothing to compare it with"
        return
    itself = choice.best == choice.control
    beside = f"{'the runner-up' if itself else 'the control of its cell'} {made.name(choice.against)}"
    lead = f"{opening}; against {beside} ({first.mean(choice.against, 'validation')[0]:.3f}), paired over {choice.gain.pairs} seed(s), {points(choice.gain)}"
    stays = "the control stays" if not itself else "and is the control, which stays"
    yield lead + ("" if choice.told else f": not distinguishable, {stays}")
    chosen = (
        "" if choice.told else f", of which nothing was claimed ({best} against {made.name(choice.against)})"
    )
    yield (
        f"test ({first.test.rows:,} rows, {first.test.groups} groups), which chose nothing: "
        f"{first.mean(choice.best, 'test')[0]:.3f} against {first.mean(choice.against, 'test')[0]:.3f}, "
        f"{points(choice.test)}{chosen}"
    )
    leading = float(first.test.scores[choice.chosen].mean())
    if (above := int((made.recipes["macro_f1_fg"] > leading).sum())) > 0:
        yield f"{above} of {len(made.recipes)} recipes score higher on test; picking among them there would be picking noise"


def _scarce(made: Made) -> Iterable[str]:
    for part in PARTS:
        few = made.first.scarce(part, made.params.few_rows)
        if few:
            present = int((made.first.splits[part].classes > 0).sum())
            listed = ", ".join(f"{name} {rows}" for name, rows in few)
            what = "the choosing figure" if part == "validation" else "the confirming figure"
            yield (
                f"warning: {part} has fewer than {made.params.few_rows} rows of {len(few)} class(es) ({listed}); each "
                f"class is 1/{present} of {what}, which hangs on single rows there"
            )


def _sweep(made: Made) -> Iterable[str]:
    """One sentence that brings the choice in one cell and the differences over all cells together."""
    own, choice, first = made.of_first(made.profiles), made.choice, made.first
    tried = own[own["validation_verdict"].isin([*BETTER, NOISE, NOT_HOLM])]
    if not len(tried):
        return
    spec = first.runs[choice.chosen[0]].spec
    better = tried[tried["validation_verdict"] == BETTER[0]].to_dict("records")
    here = []
    for row in better:
        runs = [
            i for i, r in enumerate(first.runs) if r.profile == row["profile"] and cell(r.spec) == cell(spec)
        ]
        in_cell = f", {first.mean(runs, 'validation')[0]:.3f} in this cell" if runs else ", not in this cell"
        here.append(
            f"{row['profile']} ({difference(row, 'validation_delta')} points{in_cell}; test: {row['on_test']})"
        )
    worse = tried.loc[tried["validation_verdict"] == BETTER[1]]
    held = int((worse["on_test"] == "holds").sum())
    yield (
        f"the choice is of one recipe in one cell ({made.name(choice.control)}: "
        f"{first.mean(choice.control, 'validation')[0]:.3f} on validation), profiles and toggles are judged over all "
        f"cells that they share with {made.control}, and a gain over the sweep need not show in its best cell: there, "
        f"validation (Holm over {len(tried)}) finds better than {made.control} "
        + ("; ".join(here) or "no profile")
        + f", and {len(worse)} worse ({held} hold on test)"
    )
    still = own.loc[own["verdict"] == STILL, "profile"].tolist()
    if still:
        yield f"{', '.join(still)}: exactly 0 in every figure that counts answers, as a temperature moves no argmax"


def _toggles_in_words(made: Made) -> Iterable[str]:
    for verdict, words in (
        (HELPS[0], "optional toggles, chosen on validation (interval above 0"),
        (HELPS[1], "toggles that hurt on validation (interval below 0"),
    ):
        listed = ", ".join(
            f"{each['knob']} {100 * each['validation_delta']:+.1f} (test {100 * each['delta']:+.1f}: {each['on_test']})"
            for each in toggles(made, verdict)
        )
        yield f"{words} after Holm, in points; test confirms): {listed or 'none'}"


def _noise_in_words(made: Made) -> Iterable[str]:
    noise = made.noise
    groups = noise["test_groups"]
    if noise["seed_sd_of_one_run"] is None:
        yield f"one seed a cell: training noise is not known, intervals over {groups} test groups leave it out"
        return
    yield (
        f"noise: one run moves by {100 * noise['seed_sd_of_one_run']:.1f} points (sd) with its seed and by "
        f"{100 * noise['group_sd_of_one_run']:.1f} with the {groups} test groups; of two single runs that differ in "
        f"their seed alone, {made.params.level:.0%} are within {100 * noise['floor_of_two_single_runs']:.1f} points of "
        "each other"
        + (
            f"; profile means over shared cells have a floor of {100 * noise['median_floor_of_profiles']:.1f} (median)"
            if noise["median_floor_of_profiles"] is not None
            else ""
        )
    )


def _temperature(made: Made) -> Iterable[str]:
    runs = [made.first.runs[i] for i in made.choice.chosen]
    before, after = (
        float(np.mean([getattr(run, name) for run in runs])) for name in ("ece_before", "ece_after")
    )
    yield (
        f"the pinned head divides its logits by the temperature of inner validation, whatever the recipe: ECE on test "
        f"{before:.3f} without, {after:.3f} with it (mean of {len(runs)} seed(s))"
    )


def _what_failed(made: Made) -> Iterable[str]:
    if failed := [facts["id"] for each in made.judged for facts in each.failed]:
        yield f"{len(failed)} run(s) diverged and enter no average: {', '.join(failed[:3])}"
    if left := made.choice.left_out:
        listed = "; ".join(f"{name} ({why})" for name, why in left[:3])
        yield f"{len(left)} recipe(s) could not be chosen: {listed}{', ...' if len(left) > 3 else ''}"


# --- numbers ------------------------------------------------------------------------------------------------------


def interval(values: tuple[float, float, float]) -> str:
    value, low, high = values
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def points(found: Difference) -> str:
    return f"{100 * found.delta:+.1f} points [{100 * found.low:+.1f}, {100 * found.high:+.1f}], floor {100 * found.floor:.1f}"


def difference(row: Mapping[Any, Any], name: str) -> str:
    if pd.isna(row[name]):
        return ""
    if row[name] == 0 and row[f"{name}_low"] == 0 == row[f"{name}_high"]:
        return "0"
    return f"{100 * row[name]:+.1f} [{100 * row[f'{name}_low']:+.1f}, {100 * row[f'{name}_high']:+.1f}]"


def _rounded(values: tuple[float, float, float]) -> dict[str, float]:
    return {name: rounded(value) for name, value in zip(("mean", "low", "high"), values, strict=True)}


def _written(found: Difference | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        name: rounded(value) if isinstance(value, float) else value for name, value in asdict(found).items()
    }
