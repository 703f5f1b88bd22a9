"""fit and compare on made-up variants: table, decision, pinned models, and what a signal or none leads to."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from params.block import ParamsError, read_block
from params.hybrid_calibrator import Compare, Fit
from storage.files.inputs import InputError
from tasks.hybrid_calibrator import compare, fit
from tasks.hybrid_calibrator.use.apply import NewCandidates, accepts, probabilities
from tasks.report.decision import Decision
from tests.decisions import texts
from tests.tasks.hybrid_calibrator.artifacts import CLASSES, SOURCES, write_variant

OPTIONS: dict[str, Any] = {
    "control": {"kind": "boosted", "features": "selected"},
    "A": {"kind": "blended", "dense": "logistic"},
    "B": {"kind": "blended", "dense": "perceptron"},
    "isotonic": {"kind": "isotonic"},
    "stacked": {"kind": "stacked", "dense": "logistic"},
    "all_features": {"kind": "boosted", "features": "all"},
    "structured": {"kind": "boosted", "features": "structured"},
}
FIT: dict[str, Any] = {
    "options": OPTIONS,
    "folds": 3,
    "boosting": {
        "trees": [{"depth": 3, "least_hessian": 1.0, "least_gain": 0.0}], "learning_rate": 0.2, "rounds": 40,
        "row_share": 0.8, "column_share": 0.8, "patience": 5, "bins": 32,
    },
    "logistic": {"inverse_regularisation": 0.1, "tolerance": 1e-5, "iterations": 200},
    "perceptron": {
        "hidden": 8, "learning_rate": 0.01, "weight_decay": 0.01, "dropout": 0.1, "batch": 128, "epochs": 8, "patience": 2,
    },
    "blender": {"inverse_regularisation": 1.0, "tolerance": 1e-6, "iterations": 200},
    "seed": 3,
}  # fmt: skip
COMPARE: dict[str, Any] = {
    "detectors": ["yolo", "rfdetr"],
    "match_iou": 0.5,
    "nms_ious": [0.5, 0.75],
    "support_iou": 0.5,
    "union_iou": 0.75,
    "fusion_iou": 0.55,
    "thresholds": {"optimum": "per_class", "max_fp_per_tp": 0.5, "min_recall": 0.3},
    "adoption": {
        "challengers": ["A", "B"], "other_controls": ["all_features", "structured"], "min_images": 20, "folds": 3, "max_precision_drop": 0.02, "min_recall_gain": 0.05, "variants": "per_variant",
    },
    "calibration_bins": 10,
    "level": 0.95,
    "resamples": 300,
    "seed": 5,
}  # fmt: skip
BASELINES = [
    "raw_yolo",
    "raw_rfdetr",
    "raw_sam",
    "everything_raw",
    "everything_deduped",
    "union",
    "union_nms",
    "boxes_fusion",
]
READ = {
    "candidates": "candidates.parquet", "raw": "raw.parquet", "ground_truth": "ground_truth.parquet",
    "prepared": "prepared.json", "predictions": "predictions.npz", "fitted": "fitted.json",
}  # fmt: skip


def block(model: Any, value: Any, folder: Path) -> Any:
    """As the launcher hands it over: validated from YAML, of which JSON is a part."""
    path = folder / "params.yaml"
    path.write_text(json.dumps({"block": value}))
    return read_block(path, "block", model)


class Run:
    def __init__(self, folder: Path, variants: tuple[str, ...] = ("nonwindow", "window")) -> None:
        self.folder, self.variants = folder, variants

    def fit(self, **changes: Any) -> None:
        params = block(Fit, {**FIT, **changes}, self.folder)
        for variant in self.variants:
            own = self.folder / variant
            fit.main(
                params, variant, own / "candidates.parquet", own / "prepared.json", own / "features",
                own / "models", own / "predictions.npz", own / "fitted.json",
            )  # fmt: skip

    def compare(self, **changes: Any) -> tuple[pd.DataFrame, dict[str, Any]]:
        files = {stem: {v: self.folder / v / name for v in self.variants} for stem, name in READ.items()}
        compare.main(
            block(Compare, {**COMPARE, **changes}, self.folder),
            **files, results=self.folder / "results", thresholds=self.folder / "thresholds.json",
            page=self.folder / "page.html",
        )  # fmt: skip
        decision: dict[str, Any] = json.loads((self.folder / "results" / "decision.json").read_text())
        return pd.read_csv(self.folder / "results" / "table.csv"), decision

    def probabilities(self, variant: str) -> dict[str, Any]:
        with np.load(self.folder / variant / "predictions.npz") as stored:
            return {name: stored[name] for name in stored.files}

    def outs(self) -> dict[str, bytes]:
        names = ("models", "predictions.npz", "fitted.json")
        roots = [self.folder / variant / name for variant in self.variants for name in names]
        roots += [self.folder / "results", self.folder / "thresholds.json"]
        paths = [path for root in roots for path in [root, *root.rglob("*")] if path.is_file()]
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Fitted and compared once; tests only read it."""
    run = Run(tmp_path_factory.mktemp("made"))
    for seed, variant in enumerate(run.variants):
        write_variant(run.folder / variant, seed, images=320, informative=0.3, dense_columns=128)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(run.folder)
        run.fit()
        run.compare()
    return run


@pytest.fixture(scope="module")
def table(made: Run) -> pd.DataFrame:
    return pd.read_csv(made.folder / "results" / "table.csv")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    return Run(tmp_path, ("nonwindow",))


def test_the_table_has_every_row_of_both_variants(table: pd.DataFrame) -> None:
    expected = [(variant, name) for variant in ("nonwindow", "window") for name in [*BASELINES, *OPTIONS]]
    assert table[["variant", "option"]].apply(tuple, axis=1).tolist() == expected
    assert table[table["option"] == "union"]["tier"].tolist() == ["deduped"] * 2


def test_every_row_is_judged_on_the_same_objects_of_all_report_images(table: pd.DataFrame) -> None:
    assert (table["tp"] + table["fn"] == table["ground_truth"]).all()
    assert set(table["images"]) == {80}
    assert table.groupby("variant")["ground_truth"].nunique().tolist() == [1, 1]
    assert set(table["ground_truth"]) == {78 * 5}  # two of 80 images have no object, crowds are none


def test_shares_sum_to_one(table: pd.DataFrame) -> None:
    assert np.allclose(table[[f"mix_{name}" for name in SOURCES]].sum(axis=1), 1, atol=1e-5)
    assert np.allclose(table["sam_only_share"] + table["detector_supported_share"], 1, atol=1e-5)


def test_the_control_differs_from_itself_by_exactly_nothing(table: pd.DataFrame) -> None:
    control = table[table["option"] == "control"]
    assert (
        control[["delta_f1", "delta_f1_low", "delta_f1_high", "delta_precision", "delta_recall"]] == 0
    ).all(axis=None)


def test_blenders_show_their_coefficients_and_other_rows_none(table: pd.DataFrame) -> None:
    names = ["coefficient_dense", "coefficient_structured", *(f"coefficient_has_{name}" for name in SOURCES)]
    shown = table[names].notna().all(axis=1)
    assert shown.tolist() == table["option"].isin(["A", "B"]).tolist()
    assert table[names].isna().all(axis=1).tolist() == (~shown).tolist()


def test_a_source_without_scores_is_accepted_whole_and_has_no_average_precision(table: pd.DataFrame) -> None:
    sam = table[table["option"] == "raw_sam"]
    assert sam["ap50"].isna().all()
    assert np.allclose(sam["recall_of_ceiling"], 1)


def test_a_diffuse_signal_makes_a_blend_win(made: Run, table: pd.DataFrame) -> None:
    blend = table[table["option"] == "A"]
    assert (blend["delta_f1_low"] > 0).all()
    decision = json.loads((made.folder / "results" / "decision.json").read_text())
    assert decision["chosen"] in ("A", "B")
    assert decision["grade"] == "holds"


def test_the_decision_has_its_reasons_and_evidence(made: Run) -> None:
    decision = json.loads((made.folder / "results" / "decision.json").read_text())
    assert list(decision) == list(Decision.model_fields)
    assert decision["control"] == "control"
    assert set(decision["evidence"]["variants"]) == {"nonwindow", "window"}
    page = (made.folder / "results" / "report.md").read_text()
    assert all(f"- {reason}" in page for reason in texts(decision))
    assert "nan" not in page


def new_candidates(made: Run, variant: str) -> NewCandidates:
    """As if they were new: only the files that describe candidates, no labels."""
    folder = made.folder / variant
    table = pd.read_parquet(folder / "candidates.parquet")
    return NewCandidates(
        np.load(folder / "features" / "dense.npy"), np.load(folder / "features" / "structured.npy"),
        table[[f"has:{name}" for name in SOURCES]].to_numpy(bool), table["label"].to_numpy(np.int64),
        table["image"].to_numpy(np.int64), table[["x1", "y1", "x2", "y2"]].to_numpy(np.float64),
    )  # fmt: skip


@pytest.mark.parametrize("option", OPTIONS)
def test_pinned_models_score_new_candidates_as_the_table_was_made(
    made: Run, table: pd.DataFrame, option: str
) -> None:
    stored = made.probabilities("window")
    candidates = pd.read_parquet(made.folder / "window" / "candidates.parquet")
    later = (candidates["split"] != "train").to_numpy()
    new = new_candidates(made, "window")
    found = probabilities(made.folder / "window" / "models", option, new)
    number = stored["options"].tolist().index(option)
    assert np.allclose(found[later], stored["probabilities"][number][later], atol=1e-12)
    accepted = accepts(
        made.folder / "thresholds.json", made.folder / "window" / "models", "window", option, new
    )
    row = table[(table["variant"] == "window") & (table["option"] == option)].iloc[0]
    assert int(accepted[(candidates["split"] == "report").to_numpy()].sum()) == row["tp"] + row["fp"]


def test_new_candidates_with_other_features_are_refused(made: Run) -> None:
    new = new_candidates(made, "window")
    narrow = replace(new, dense=new.dense[:, :5])
    with pytest.raises(InputError, match="names 128 dense features, the candidates have 5"):
        probabilities(made.folder / "window" / "models", "A", narrow)
    with pytest.raises(InputError, match="has no option 'C'"):
        probabilities(made.folder / "window" / "models", "C", new)


def test_train_rows_are_predicted_out_of_fold(made: Run) -> None:
    stored = made.probabilities("nonwindow")
    candidates = pd.read_parquet(made.folder / "nonwindow" / "candidates.parquet")
    train = (candidates["split"] == "train").to_numpy()
    served = probabilities(made.folder / "nonwindow" / "models", "control", new_candidates(made, "nonwindow"))
    positive = candidates["positive"].to_numpy()

    def loss(p: Any) -> float:
        return float(-np.log(np.where(positive, p, 1 - p))[train].mean())

    assert loss(served) < loss(stored["probabilities"][0]) - 0.02


def test_every_step_twice_gives_the_same_bytes(run: Run) -> None:
    write_variant(run.folder / "nonwindow", 4, images=60)
    seen = []
    for _ in range(2):
        run.fit()
        run.compare()
        seen.append(run.outs())
    assert seen[0] == seen[1]
    assert {
        "results/table.csv",
        "nonwindow/models/perceptron.safetensors",
        "nonwindow/models/structured.ubj",
    } <= set(seen[0])
    assert not list((run.folder / ".cache").glob("*"))


def test_a_killed_fit_goes_on_where_it_was(run: Run, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    write_variant(run.folder / "nonwindow", 4, images=60)
    run.fit()
    whole = run.outs()

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("tasks.hybrid_calibrator.fit.write_tensors", killed)
        with pytest.raises(KeyboardInterrupt):
            run.fit()
    capsys.readouterr()
    run.fit()
    assert "structured_0_fold_0: finished before" in capsys.readouterr().out
    assert run.outs() == whole


def test_without_embeddings_only_structured_features_decide(run: Run) -> None:
    write_variant(run.folder / "nonwindow", 5, images=80, dense_columns=0)
    run.fit()
    table, decision = run.compare()
    rows: Any = table.set_index("option")
    assert abs(rows.loc["A", "coefficient_dense"]) < 1e-9
    assert np.isfinite(rows.loc["A", "f1"])
    assert [name for name in OPTIONS if name not in rows.index] == ["B", "all_features", "structured"]
    assert (decision["action"], decision["grade"], decision["chosen"]) == (
        "redesign",
        "not judged",
        "control",
    )
    assert decision["reasons"][0]["kind"] == "not_answerable"
    assert "B is A, all_features is control, structured is control" in texts(decision)[0]
    assert decision["would_change"] == []


def test_a_raw_detector_that_beats_every_calibrator_is_named(run: Run) -> None:
    """Raw scores that know everything, and train labels turned around: what is fitted is worse than what is given."""
    write_variant(run.folder / "nonwindow", 6, images=160, informative=4.0, diffuse=0.0)
    path = run.folder / "nonwindow" / "candidates.parquet"
    candidates = pd.read_parquet(path)
    train = candidates["split"] == "train"
    rng = np.random.default_rng(0)
    candidates.loc[train, "positive"] = rng.random(int(train.sum())) < 0.5
    candidates.to_parquet(path)
    run.fit()
    table, decision = run.compare()
    rows = table.set_index("option")
    assert bool(rows.loc["raw_yolo", "beats_every_calibrator"]) is True
    assert rows.loc["raw_yolo", "f1"] > rows.loc[list(OPTIONS), "f1"].max()
    assert "raw_yolo" in texts(decision)[0]
    assert "every calibrator on the report images" in texts(decision)[0]
    assert "raw_yolo" in decision["evidence"]["variants"]["nonwindow"]["beats_every_calibrator"]


def test_variants_that_disagree_keep_their_own_choice_or_are_pooled(run: Run) -> None:
    run.variants = ("nonwindow", "window")
    write_variant(run.folder / "nonwindow", 7, images=320, informative=0.3, dense_columns=128)
    write_variant(run.folder / "window", 7, images=320, diffuse=0.0, informative=3.0)
    run.fit()
    _, decision = run.compare()
    own = {name: each["own_choice"] for name, each in decision["evidence"]["variants"].items()}
    assert own == {"nonwindow": "A", "window": "control"}
    assert decision["chosen"] == {"nonwindow": "A", "window": "control"}
    _, pooled = run.compare(adoption={**COMPARE["adoption"], "variants": "pooled"})
    assert pooled["chosen"] in OPTIONS
    assert {each["chosen"] for each in pooled["evidence"]["variants"].values()} == {pooled["chosen"]}
    assert pooled["evidence"]["pooled"][0]["challenger"] == "A"


def test_identical_predictions_are_told_apart_by_exactly_nothing(run: Run) -> None:
    write_variant(run.folder / "nonwindow", 8, images=60)
    run.fit()
    path = run.folder / "nonwindow" / "predictions.npz"
    stored = run.probabilities("nonwindow")
    stored["probabilities"][1] = stored["probabilities"][0]
    np.savez(path, **stored)
    table, decision = run.compare()
    rows = table.set_index("option")
    deltas = [name for name in table.columns if name.startswith("delta_")]
    assert (rows.loc["A", deltas] == 0).all()
    assert decision["evidence"]["variants"]["nonwindow"]["tune"][0]["over_control"]["f1"] == 0


def test_the_micro_optimum_is_one_setting(run: Run) -> None:
    write_variant(run.folder / "nonwindow", 9, images=60)
    run.fit()
    table, _ = run.compare(thresholds={"optimum": "micro", "max_fp_per_tp": 0.0, "min_recall": 0.0})
    assert np.allclose(table["f1"], table["micro_optimum_f1"])


def test_what_lies_in_a_crowd_is_not_fitted_on(run: Run) -> None:
    write_variant(run.folder / "nonwindow", 10, images=60)
    path = run.folder / "nonwindow" / "candidates.parquet"
    candidates = pd.read_parquet(path)
    candidates.loc[candidates.index[:20], "ignored"] = True
    candidates.to_parquet(path)
    run.fit()
    before = run.probabilities("nonwindow")["probabilities"]
    candidates.loc[candidates.index[:20], "positive"] = ~candidates["positive"][:20]
    candidates.to_parquet(path)
    run.fit()
    assert (run.probabilities("nonwindow")["probabilities"] == before).all()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"detectors": ["yolo", "frcnn"]}, r"names \['frcnn'\], which are no sources; there are \['yolo'"),
        (
            {"adoption": {**COMPARE["adoption"], "challengers": ["A", "Z"]}},
            r"names \['Z'\], which are no options besides the control",
        ),
        (
            {"adoption": {**COMPARE["adoption"], "other_controls": ["isotonic"]}},
            r"names \['isotonic'\], which are no boosted options besides the control; there are \['all_features'",
        ),
    ],
)
def test_unknown_names_in_params_are_refused(made: Run, changes: dict[str, Any], complaint: str) -> None:
    before = made.outs()
    with pytest.raises(InputError, match=complaint):
        made.compare(**changes)
    assert made.outs() == before


def test_the_control_comes_first(run: Run) -> None:
    write_variant(run.folder / "nonwindow", 0, images=20)
    with pytest.raises(
        ParamsError,
        match="the first option is the control: kind boosted, features selected or all; got A: kind='blended'",
    ):
        run.fit(options={"A": OPTIONS["A"], "control": OPTIONS["control"]})


def test_a_challenger_that_is_an_other_control_is_refused(made: Run) -> None:
    with pytest.raises(ParamsError, match=r"\['all_features'\] are challengers and other controls"):
        made.compare(adoption={**COMPARE["adoption"], "challengers": ["A", "all_features"]})


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("logistic", {"kind": "blended", "dense": "logistic"}),
        ("Logistic", {"kind": "blended", "dense": "logistic"}),
        ("structured", {"kind": "stacked", "dense": "logistic"}),
        ("structured", {"kind": "boosted", "features": "all"}),
        ("union", {"kind": "isotonic"}),
        ("raw_yolo", {"kind": "boosted", "features": "all"}),
    ],
)
def test_names_of_other_models_and_rows_are_refused(run: Run, name: str, option: dict[str, Any]) -> None:
    write_variant(run.folder / "nonwindow", 0, images=20)
    with pytest.raises(ParamsError, match=f"the option name '{name}' is taken"):
        run.fit(options={"control": OPTIONS["control"], name: option})
    assert not (run.folder / "nonwindow" / "models").exists()


def test_other_rows_above_the_choice_are_named_with_their_intervals(run: Run) -> None:
    write_variant(run.folder / "nonwindow", 0, images=320, informative=0.3, dense_columns=128)
    run.fit()
    _, decision = run.compare(adoption={**COMPARE["adoption"], "challengers": [], "other_controls": []})
    assert (decision["chosen"], decision["grade"]) == ("control", "not judged")
    above = decision["evidence"]["variants"]["nonwindow"]["no_challengers_above_the_choice_on_tune"]
    assert above["A"]["tune"]["low"] > 0
    reason = next(each for each in texts(decision) if "a higher F1 than control on tune" in each)
    assert all(name in reason for name in above)


def test_few_images_are_said_and_collected(made: Run) -> None:
    before = made.outs()
    _, decision = made.compare(adoption={**COMPARE["adoption"], "min_images": 100})
    assert (decision["action"], decision["grade"], decision["chosen"]) == (
        "collect",
        "cannot tell",
        "control",
    )
    assert [each["kind"] for each in decision["reasons"][:2]] == ["few_images", "few_images"]
    assert "80 tune and 80 report images; below 100 of either" in texts(decision)[0]
    assert decision["better_than_chosen"] == []
    assert decision["would_change"]
    assert all(each["needed"] >= 100 for each in decision["would_change"])
    made.compare()
    assert made.outs() == before


def test_every_figure_of_the_table_lies_in_its_interval(table: pd.DataFrame) -> None:
    for name in (
        "precision",
        "f1",
        "macro_f1",
        "micro_optimum_f1",
        "sam_only_share",
        "mix_yolo",
        "log_loss",
        "brier",
    ):
        shown = table[table[name].notna()]
        assert len(shown) >= 2 * len(OPTIONS)
        assert (shown[f"{name}_low"] <= shown[name] + 1e-5).all()
        assert (shown[name] <= shown[f"{name}_high"] + 1e-5).all()
    assert (table["ece_low"].dropna() < table["ece_high"].dropna()).all()


def test_features_of_other_candidates_are_refused(run: Run) -> None:
    write_variant(run.folder / "nonwindow", 0, images=20)
    path = run.folder / "nonwindow" / "features" / "dense.npy"
    np.save(path, np.load(path)[:-1])
    with pytest.raises(InputError, match="candidates; run the features stage again"):
        run.fit()
    assert not (run.folder / "nonwindow" / "models").exists()


def test_classes_are_those_of_the_data(made: Run) -> None:
    pinned = json.loads((made.folder / "thresholds.json").read_text())
    assert list(pinned["thresholds"]["window"]["A"]) == CLASSES


def test_a_variant_that_is_not_given_is_named_and_judged_nowhere(run: Run) -> None:
    run.variants = ("nonwindow", "window")
    write_variant(run.folder / "nonwindow", 4, images=60)
    (run.folder / "window").mkdir()
    (run.folder / "window" / "prepared.json").write_text('{"status": "not given"}')
    run.fit()
    table, decision = run.compare()
    assert set(table["variant"]) == {"nonwindow"}
    assert texts(decision)[-1] == "window: not given, so nothing is said about it"
    assert json.loads((run.folder / "window" / "fitted.json").read_text()) == {"status": "not given"}
    assert list(json.loads((run.folder / "thresholds.json").read_text())["thresholds"]) == ["nonwindow"]


def test_the_control_drops_an_embedding_that_says_nothing(run: Run) -> None:
    write_variant(run.folder / "nonwindow", 12, diffuse=0.0, informative=0.6, dense_columns=128)
    run.fit()
    table, decision = run.compare()
    rows: Any = table.set_index("option")
    same = ["tp", "fp", "fn", "ap50", "log_loss"]
    assert (rows.loc["control", same] == rows.loc["structured", same]).all()
    assert rows.loc["structured", "delta_f1"] == 0
    assert rows.loc["all_features", "log_loss"] > rows.loc["control", "log_loss"]
    assert any("the control is XGBoost on structured features" in reason for reason in texts(decision))


def test_the_control_keeps_an_embedding_that_helps_it(run: Run) -> None:
    write_variant(run.folder / "nonwindow", 13, diffuse=2.0, informative=0.1, dense_columns=4)
    run.fit()
    contents = json.loads((run.folder / "nonwindow" / "models" / "models.json").read_text())
    assert contents["options"]["control"]["features"] == "all"
    losses = json.loads((run.folder / "nonwindow" / "fitted.json").read_text())["experts"]
    assert losses["all"]["out_of_fold_log_loss"] < losses["structured"]["out_of_fold_log_loss"]


@pytest.mark.slow
def test_without_signal_in_the_embeddings_no_blend_beats_the_control(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty null worlds: by chance half an interval of each blend's gain lies above 0."""
    monkeypatch.chdir(tmp_path)
    chosen, gains = [], []
    for seed in range(20):
        run = Run(tmp_path / str(seed), ("nonwindow",))
        write_variant(run.folder / "nonwindow", 100 + seed, diffuse=0.0, informative=0.6)
        run.fit()
        table, decision = run.compare()
        chosen.append(decision["chosen"])
        gains.append(table.set_index("option").loc[["A", "B"], ["delta_f1", "delta_f1_low"]].to_numpy())
    assert chosen.count("control") >= 18
    gain, low = np.array(gains).transpose(2, 0, 1)
    assert ((low > 0).sum(axis=0) <= 3).all()
    error = gain.std(axis=0, ddof=1) / np.sqrt(len(gain))
    assert (gain.mean(axis=0) < 2.5 * error).all()
