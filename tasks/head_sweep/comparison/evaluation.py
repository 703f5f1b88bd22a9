"""Every run evaluated on inner validation and on test, with the groups of each drawn again: what all tables come from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from methods.calibration.calibration_error import ece_null, expected_calibration_error, row_nll
from methods.calibration.temperature import TemperatureFit, fit_temperature
from methods.heads.class_scores import macro_f1_interval
from methods.heads.comparisons import Pair
from methods.heads.contrasts import Contrast, contrasts
from methods.heads.metrics import BINS, HeadMetrics, head_metrics, probabilities
from methods.heads.noise import group_counts, macro_f1, macro_f1_draws
from methods.heads.specs import HeadSpec
from methods.heads.sweep import logit_divisor
from params.head_sweep import Compare
from storage.files.inputs import InputError
from storage.heads.embeddings import Embeddings, check_encoders, read_embeddings
from storage.heads.sweeps import EncoderRuns, read_runs

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Files = Mapping[str, Path]
Part = Literal["validation", "test"]
PARTS: tuple[Part, ...] = ("validation", "test")
LIMIT = "ran all epochs"


@dataclass(frozen=True)
class RunEvaluation:
    """A run that ended with weights. served: test logits as it answers; fit: the temperature that validation asks for,
    whether the run applies it or not. counts (groups, foreground, 3) of each split. Of each test row (n,): correct, nll,
    and its confidence as it is served (ece), without a temperature and with the fitted one."""

    facts: Mapping[str, Any]
    spec: HeadSpec
    profile: str
    size: str
    served: Floats
    fit: TemperatureFit
    metrics: HeadMetrics
    validation: HeadMetrics
    ece_before: float
    ece_after: float
    ece_null: float
    counts: Mapping[Part, Index]
    correct: NDArray[np.bool_]
    nll: Floats
    confidence: Mapping[str, Floats]

    @property
    def recipe(self) -> str:
        return recipe_name(self.facts)

    @property
    def converged(self) -> bool:
        """Its first phase ended by itself, not at its limit of epochs."""
        return bool(self.facts["status"] != LIMIT)


@dataclass(frozen=True)
class SplitScores:
    """One split of a dataset. labels: of each encoder; member (rows,): the group of each; classes (foreground,): rows of
    each. scores (runs,): macro F1; draws (runs, resamples) of it over the split's groups."""

    labels: Mapping[str, Index]
    member: Index
    classes: Index
    rows: int
    groups: int
    scores: Floats
    draws: Floats


@dataclass(frozen=True)
class SweepEvaluation:
    """All finished runs of one dataset, the first profile of the plan being the control; failed: facts of the others."""

    dataset: str
    classes: list[str]
    train_counts: Mapping[str, list[int]]
    foreground: int
    control: str
    runs: list[RunEvaluation]
    failed: list[Mapping[str, Any]]
    splits: Mapping[Part, SplitScores]
    level: float
    seed: int

    @property
    def test(self) -> SplitScores:
        return self.splits["test"]

    @property
    def validation(self) -> SplitScores:
        return self.splits["validation"]

    @property
    def specs(self) -> list[HeadSpec]:
        return [run.spec for run in self.runs]

    @property
    def profiles(self) -> list[str]:
        return [run.profile for run in self.runs]

    @property
    def recipes(self) -> dict[str, list[int]]:
        """The runs of each, its seeds."""
        found: dict[str, list[int]] = {}
        for number, run in enumerate(self.runs):
            found.setdefault(run.recipe, []).append(number)
        return found

    def compared(self, families: Sequence[Sequence[Pair]], part: Part) -> list[Contrast | None]:
        """Each list of pairs judged beside the others; a run that ended at its limit stands in no pair."""
        own, converged = self.splits[part], [run.converged for run in self.runs]
        ended = [[pair for pair in pairs if all(converged[i] for i in pair)] for pairs in families]
        return contrasts(self.specs, ended, own.scores, own.draws, own.groups, self.level, self.seed)

    def mean(self, runs: Sequence[int], part: Part) -> tuple[float, float, float]:
        """Mean macro F1 of runs, and its interval over the split's groups."""
        found = macro_f1_interval(np.stack([self.runs[i].counts[part] for i in runs]), self.level)
        return found.value, found.low, found.high

    def scarce(self, part: Part, few: int) -> list[tuple[str, int]]:
        """Foreground classes of which a split has fewer than `few` rows."""
        rows = self.splits[part].classes.tolist()
        return [
            (name, number)
            for name, number in zip(self.classes[: self.foreground], rows, strict=True)
            if number < few
        ]


def recipe_name(facts: Mapping[str, Any]) -> str:
    """Where a run stands in the sweep, seeds aside."""
    spec = HeadSpec.parse(facts["id"])
    return f"{facts['profile']} @ {spec.encoder} {facts['size']} ls{spec.smoothing:g}"


def sweeps(
    params: Compare, planned: Mapping[str, Any], embeddings: Files, runs: Files, logits: Files
) -> list[SweepEvaluation]:
    """Datasets, the one that decides first. InputError where the plan names an encoder that no stage trained."""
    if not planned["planned"]:
        raise InputError(
            Path("params.yaml"), "nothing is planned, so there is no sweep to compare; state head_sweep.plan, or "
            "compare.kind: finished_runs", field="head_sweep.plan",
        )  # fmt: skip
    wanted = {HeadSpec.parse(entry["id"]).encoder for entry in planned["planned"]}
    if missing := sorted(wanted - set(runs)):
        raise InputError(
            Path("dvc.yaml"),
            f"the plan has runs of {missing}, which no stage trains; add them to the matrices of head_sweep_embed and "
            "head_sweep_train, and to the files of head_sweep_compare",
        )
    if nameless := sorted(wanted - set(params.families)):
        raise InputError(
            Path("params.yaml"), f"no family is named for {nameless}; add it, one of their own will do",
            field="head_sweep.compare.families",
        )  # fmt: skip
    names = [name for name in runs if name in wanted]
    seen = {name: read_embeddings(embeddings[name]) for name in names}
    check_encoders([embeddings[name] for name in names], list(seen.values()))
    trained = {name: read_runs(runs[name], logits[name]) for name in names}
    datasets = list(dict.fromkeys(each.dataset for each in seen.values()))
    if params.dataset not in datasets:
        raise InputError(
            Path("params.yaml"), f"no run of dataset {params.dataset!r}; the plan has runs of {datasets}",
            field="head_sweep.compare.dataset",
        )  # fmt: skip
    datasets.sort(key=lambda name: name != params.dataset)
    return [
        _sweep(name, [(seen[e], trained[e]) for e in names if seen[e].dataset == name], planned, params)
        for name in datasets
    ]


def _sweep(
    dataset: str,
    encoders: Sequence[tuple[Embeddings, EncoderRuns]],
    planned: Mapping[str, Any],
    params: Compare,
) -> SweepEvaluation:
    finished: dict[str, RunEvaluation] = {}
    failed: list[Mapping[str, Any]] = []
    first = encoders[0][0]
    where, group = np.array(first.split), np.array(first.groups)  # alike for all encoders of a dataset
    groups = {part: group[where == part] for part in PARTS}
    number = {part: len(np.unique(each)) for part, each in groups.items()}
    labels: dict[Part, dict[str, Index]] = {part: {} for part in PARTS}
    for seen, trained in encoders:
        own = _numbered(seen)
        for part in PARTS:
            labels[part][seen.encoder] = own[where == part]
        truths = {part: (labels[part][seen.encoder], groups[part]) for part in PARTS}
        for facts in trained.runs:
            if facts["status"] == "diverged":
                failed.append(facts)
            else:
                finished[facts["id"]] = _run(facts, trained, truths, params)
    runs = [finished[entry["id"]] for entry in planned["planned"] if entry["id"] in finished]
    if not runs:
        raise InputError(
            Path("params.yaml"), f"every run of dataset {dataset!r} diverged; lower the learning rate (lr0p0003)",
            field="head_sweep.plan.profiles",
        )  # fmt: skip
    fg = len(first.foreground)
    splits = {}
    for part, seed in (("validation", params.seed + 1), ("test", params.seed)):
        counts = np.stack([run.counts[part] for run in runs])
        splits[part] = SplitScores(
            labels[part], np.unique(groups[part], return_inverse=True)[1],
            np.bincount(labels[part][first.encoder], minlength=fg)[:fg], len(groups[part]), number[part],
            macro_f1(counts.sum(axis=1)), macro_f1_draws(counts, params.resamples, seed),
        )  # fmt: skip
    return SweepEvaluation(
        dataset, first.classes, {seen.encoder: each.train_counts for seen, each in encoders}, fg,
        planned["planned"][0]["profile"], runs, failed, splits, params.level, params.seed,
    )  # fmt: skip


def _numbered(seen: Embeddings) -> Index:
    place = {name: number for number, name in enumerate(seen.classes)}
    return np.array([place[label] for label in seen.labels], np.int64)


def _run(
    facts: Mapping[str, Any], trained: EncoderRuns, truths: Mapping[Part, tuple[Index, NDArray[np.str_]]],
    params: Compare,
) -> RunEvaluation:  # fmt: skip
    spec = HeadSpec.parse(facts["id"])
    prior = np.array(facts["prior_offsets"])
    plain = {
        part: trained.logits[facts["state"]][part].astype(np.float64) - spec.adjust_infer * prior
        for part in PARTS
    }
    fit = fit_temperature(plain["validation"], truths["validation"][0])
    served = plain["test"] / facts["temperature"]
    labels, cooled = truths["test"][0], plain["test"] / logit_divisor(fit)
    tempered = {"ece": served, "ece_before_T": plain["test"], "ece_after_T": cooled}
    confidence = {
        name: np.minimum(probabilities(logits).max(axis=1), 1.0) for name, logits in tempered.items()
    }
    null = ece_null(confidence["ece"], BINS, params.null_draws, params.seed)
    return RunEvaluation(
        facts, spec, facts["profile"], facts["size"], served, fit, head_metrics(served, labels, trained.foreground),
        HeadMetrics(**facts["validation"]), _ece(plain["test"], labels), _ece(cooled, labels),
        float(np.quantile(null, params.level)),
        {part: group_counts(plain[part].argmax(axis=1), *truths[part], trained.foreground) for part in PARTS},
        served.argmax(axis=1) == labels, row_nll(probabilities(served), labels), confidence,
    )  # fmt: skip


def _ece(logits: Floats, labels: Index) -> float:
    confidence = np.minimum(probabilities(logits).max(axis=1), 1.0)
    return expected_calibration_error(confidence, logits.argmax(axis=1) == labels, BINS)
