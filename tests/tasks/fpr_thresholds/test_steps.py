"""The steps on tiny real files: from messages or scores to table and decision, and what each refuses."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from methods.budgets.choice import OptionChoice
from params.block import ParamsError, read_block
from params.fpr_thresholds import Advice, Compare, Prepare, Score, Tune
from storage.files.inputs import InputError
from tasks.fpr_thresholds import compare, prepare, score, tune
from tasks.fpr_thresholds.comparison.choice import FoldChoice
from tasks.fpr_thresholds.comparison.decision import REASONS, advice
from tasks.report.decision import Decision
from tasks.report.templates import sentences

SPLIT = {"by": "time", "calibration": 0.2, "holdout": 0.2}
MESSAGES: dict[str, Any] = {
    "kind": "messages",
    "labels": ["scam"],
    "messages": "m.jsonl",
    "pools": {},
    "columns": None,
    "split": SPLIT,
    "untimed": "refuse",
    "near_copies": None,
}
NGRAMS = {
    "kind": "ngrams",
    "buckets": 4096,
    "word_ngrams": 1,
    "char_ngrams": [2, 3],
    "inverse_regularisation": 1.0,
    "origins": 3,
}
COMPARE: dict[str, Any] = {
    "selection": {"max_fpr": 0.1, "least_recall": 0.1, "max_risk": 0.8, "risk_of": "each_label"},
    "advice": [
        {"name": "at 20%", "max_fpr": 0.2, "label": None},
        {"name": "scam", "max_fpr": 0.1, "label": "scam"},
    ],
    "level": 0.95,
    "clean_share": 0.9,
    "resamples": 200,
    "seed": 1,
}


def option(name: str, *pools: str, rule: str = "empirical", **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "sources": [{"pool": pool, "rows": "all", "top": None} for pool in pools or ("calib",)],
        "target": 0.1,
        "rule": rule,
        "delta": None if rule == "empirical" else 0.1,
        "in_sample": "refuse",
        **changes,
    }


def block(model: Any, value: Any, tmp_path: Path) -> Any:
    """As the launcher hands it over: validated from YAML, of which JSON is a part."""
    path = tmp_path / "params.yaml"
    path.write_text(json.dumps({"block": value}))
    return read_block(path, "block", model)


def message(
    number: int, text: str | None = None, labels: list[str] | None = None, **changes: Any
) -> dict[str, Any]:
    scam = number % 3 == 0 if labels is None else bool(labels)
    words = ["profit", "daily", "dm"] if scam else ["hello", "you", "there"]
    return {
        "id": f"m{number}",
        "text": text or f"{words[number % 3]} {words[(number // 3) % 3]} number {number}",
        "labels": ["scam"] if scam else [],
        "collected_at": f"2024-01-{1 + number // 24:02d}T{number % 24:02d}:00:00",
        **changes,
    }


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


class Run:
    """The files of one run in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        names = {
            "rows": "rows.parquet", "prepared": "prepared.json", "scores": "scores.npz", "model": "model",
            "thresholds": "thresholds", "calibration": "calibration", "folds": "folds.npz", "results": "results",
            "adopted": "adopted.json",
            "page": "page.html",
        }  # fmt: skip
        self.files = {stem: folder / name for stem, name in names.items()}

    def of(self, *stems: str) -> dict[str, Path]:
        return {stem: self.files[stem] for stem in stems}

    def prepare(self, **changes: Any) -> dict[str, Any]:
        params = block(Prepare, {**MESSAGES, **changes}, self.folder)
        prepare.main(params, data=self.data, **self.of("rows", "prepared"))
        facts: dict[str, Any] = json.loads(self.files["prepared"].read_text())
        return facts

    def score(self, model: Any = NGRAMS) -> None:
        score.main(
            block(Score, {"model": model}, self.folder), **self.of("rows", "prepared", "scores", "model")
        )

    def tune(self, *options: dict[str, Any], folds: int = 2) -> None:
        params = block(
            Tune,
            {"options": list(options), "folds": {"count": folds}, "chain_from": 0.0, "level": 0.95},
            self.folder,
        )
        tune.main(params, **self.of("rows", "prepared", "scores", "thresholds", "calibration", "folds"))

    def compare(self, **changes: Any) -> dict[str, Any]:
        names = (
            "rows",
            "prepared",
            "scores",
            "thresholds",
            "calibration",
            "folds",
            "results",
            "adopted",
            "page",
        )
        compare.main(block(Compare, {**COMPARE, **changes}, self.folder), **self.of(*names))
        decision: dict[str, Any] = json.loads((self.files["results"] / "decision.json").read_text())
        return decision


@pytest.fixture
def run(tmp_path: Path) -> Run:
    made = Run(tmp_path)
    write(made.data / "m.jsonl", [message(number) for number in range(300)])
    return made


def refusal(run: Run, **changes: Any) -> str:
    with pytest.raises(InputError) as caught:
        run.prepare(**changes)
    assert not run.files["rows"].exists()
    return str(caught.value)


def bytes_of(run: Run) -> dict[str, bytes]:
    outs = [path for name in run.files for path in [run.files[name], *run.files[name].rglob("*")]]
    return {path.relative_to(run.folder).as_posix(): path.read_bytes() for path in outs if path.is_file()}


def test_the_latest_rows_are_the_holdout_and_times_decide(run: Run) -> None:
    facts = run.prepare()
    table = pd.read_parquet(run.files["rows"])
    assert (facts["train"], facts["calib"], facts["holdout"]) == (180, 60, 60)
    starts, ends = table.groupby("pool")["collected_at"].min(), table.groupby("pool")["collected_at"].max()
    assert ends["train"] < starts["calib"] < ends["calib"] < starts["holdout"]


def test_every_step_twice_gives_the_same_bytes(run: Run) -> None:
    seen = []
    for _ in range(2):
        run.prepare()
        run.score()
        run.tune(option("A"), option("N", "calib", "forward_chained", rule="guaranteed"))
        run.compare()
        seen.append(bytes_of(run))
    assert seen[0] == seen[1]
    assert len(seen[0]) > 15


def test_the_table_has_a_row_per_option_and_label_and_pooled_ones(run: Run) -> None:
    run.prepare()
    run.score()
    run.tune(
        option("A"), option("N", "calib", "forward_chained", rule="guaranteed"), option("L", rule="any_label")
    )
    decision = run.compare()
    table = pd.read_csv(run.files["results"] / "table.csv")
    assert table[["option", "label"]].apply(tuple, axis=1).tolist() == [
        (name, label) for name in ("A", "N", "L") for label in ("scam", "micro", "macro")
    ]
    assert Decision.model_validate(decision).control == "A"
    assert decision["grade"] in ("holds", "does not hold", "cannot tell")
    adopted = json.loads(run.files["adopted"].read_text())["labels"]
    assert {label: each["option"] for label, each in adopted.items()} == decision["chosen"]


def test_an_eleventh_option_is_one_more_entry(run: Run) -> None:
    run.prepare()
    run.score()
    run.tune(option("A"))
    run.tune(option("A"), option("mine", target=0.2))
    assert {path.name for path in run.files["thresholds"].iterdir()} == {"A.json", "mine.json"}


def test_a_step_that_is_refused_leaves_the_last_good_outs(run: Run) -> None:
    run.prepare()
    run.score()
    run.tune(option("A"))
    before = bytes_of(run)
    with pytest.raises(InputError):
        run.tune(option("A", "calib", "nowhere"))
    assert bytes_of(run) == before


def test_a_recipe_that_names_a_missing_pool_is_refused_with_those_there_are(run: Run) -> None:
    run.prepare()
    run.score()
    with pytest.raises(InputError) as caught:
        run.tune(option("A"), option("B", "calib", "nowhere"))
    assert str(caught.value).startswith(
        "params.yaml, field fpr_thresholds.tune.options[1].sources: option B names pool 'nowhere', which this data "
        "does not have; it has ['calib', 'forward_chained', 'train']"
    )


def test_holdout_rows_whose_text_came_before_are_excluded_and_counted(run: Run) -> None:
    rows = [message(number) for number in range(300)]
    rows[250]["text"], rows[251]["text"] = rows[200]["text"].upper(), rows[3]["text"]
    write(run.data / "m.jsonl", rows)
    assert run.prepare()["holdout_rows_excluded"] == {"text in calib": 1, "text in train": 1}
    run.score()
    run.tune(option("A"))
    run.compare()
    table = pd.read_csv(run.files["results"] / "table.csv")
    assert table.loc[0, ["tp", "fp", "fn", "tn"]].sum() == 58


def test_pool_rows_that_stand_in_the_holdout_are_dropped_and_counted(run: Run) -> None:
    copy = message(299, id="copy", collected_at="2024-01-01T00:00:00")
    write(run.data / "p.jsonl", [copy, message(1000, collected_at="2024-01-02T00:00:00")])
    facts = run.prepare(pools={"extra": "p.jsonl"})
    assert facts["pool_rows_dropped"] == {"text in holdout": {"extra": 1}}


def test_a_pool_row_from_after_the_holdout_began_is_refused(run: Run) -> None:
    write(run.data / "p.jsonl", [message(1000, collected_at="2024-03-01T00:00:00")])
    message_ = refusal(run, pools={"extra": "p.jsonl"})
    assert "row id m1000, field collected_at: 2024-03-01 00:00:00+00:00 is not before the holdout" in message_
    assert "remove them" in message_


def test_a_calibration_row_later_than_the_holdout_is_refused(run: Run) -> None:
    (run.data / "s.csv").write_text(
        "id,label,collected_at,split,scam\n"
        "a,scam,2024-01-01,calib,.9\nb,,2024-01-05,calib,.1\nc,scam,2024-01-03,holdout,.8\nd,,2024-01-06,holdout,.2\n"
    )
    scores = {
        "kind": "scores",
        "labels": "all",
        "scores": "s.csv",
        "columns": None,
        "split": {"by": "column"},
        "untimed": "refuse",
    }
    with pytest.raises(InputError) as caught:
        prepare.main(
            block(Prepare, {**scores, "clamp": 0.0}, run.folder), data=run.data, **run.of("rows", "prepared")
        )
    assert (
        "row 3, field collected_at: 2024-01-05 00:00:00+00:00 is later than the holdout's first row"
        in str(caught.value)
    )


@pytest.mark.parametrize(("labelled", "kind"), [(True, "negative"), (False, "positive")])
def test_a_label_with_one_class_only_is_refused(run: Run, labelled: bool, kind: str) -> None:
    write(run.data / "m.jsonl", [message(n, labels=["scam"] if labelled else []) for n in range(100)])
    assert f"field scam: no {kind} row in train (60 rows)" in refusal(run)


def test_too_few_rows_for_the_split_are_refused(run: Run) -> None:
    write(run.data / "m.jsonl", [message(0), message(1)])
    assert "2 rows are too few for a calibration share of 0.2" in refusal(run)


def test_reserved_pool_names_are_refused(run: Run) -> None:
    assert "pool names ['calib'] are taken" in refusal(run, pools={"calib": "m.jsonl"})


def test_more_origins_than_training_holds_are_refused(run: Run) -> None:
    run.prepare()
    with pytest.raises(
        InputError, match=r"field fpr_thresholds.score.model.origins: 9 origins that lie 60 rows apart"
    ):
        run.score({**NGRAMS, "origins": 9})
    assert not run.files["model"].exists()


def test_more_folds_than_origins_are_refused(run: Run) -> None:
    run.prepare()
    run.score()
    with pytest.raises(InputError, match="4 folds need 5 origins, there are 3"):
        run.tune(option("A"), folds=4)


def test_messages_without_a_model_are_refused(run: Run) -> None:
    run.prepare()
    with pytest.raises(InputError, match=r"prepare.kind is messages: .* messages need a model"):
        run.score({"kind": "given"})


def test_in_sample_rows_are_left_out_unless_the_recipe_allows_them(run: Run) -> None:
    run.prepare()
    run.score()
    run.tune(option("A"), option("T", "calib", "train"), option("U", "calib", "train", in_sample="allow"))
    kept = {
        name: json.loads((run.files["calibration"] / f"{name}.meta.json").read_text())["rows"]
        for name in ("T", "U")
    }
    assert kept == {"T": 60, "U": 240}


def test_forward_chained_scores_differ_from_in_sample_ones(run: Run) -> None:
    run.prepare()
    run.score()
    stored = np.load(run.files["scores"])
    chained = stored["chain"] >= 0
    last = stored["scores"][-1, chained]
    earlier = stored["scores"][stored["chain"][chained], np.flatnonzero(chained)]
    assert chained.sum() == 120
    assert not stored["seen"][stored["chain"][chained], np.flatnonzero(chained)].any()
    assert np.abs(last - earlier).max() > 0.01


def test_untimed_rows_in_file_order_keep_it(run: Run) -> None:
    rows = [{key: value for key, value in message(n).items() if key != "collected_at"} for n in range(100)]
    write(run.data / "m.jsonl", rows)
    run.prepare(untimed="file_order")
    table = pd.read_parquet(run.files["rows"])
    assert table["id"].tolist() == [f"m{n}" for n in range(100)]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"target": 2.0}, "block.options[0].target: input should be less than 1, got 2.0"),
        ({"delta": 0.1}, "delta is the risk of a guarantee: null with rule empirical"),
        ({"sources": []}, "block.options[0].sources: list should have at least 1 item"),
        ({"extra": 1}, "block.options[0].extra: extra inputs are not permitted, got 1"),
        ({"name": "a/b"}, "block.options[0].name: string should match pattern"),
    ],
)
def test_a_broken_recipe_is_refused_by_its_place_in_params(
    run: Run, change: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ParamsError) as caught:
        run.tune({**option("A"), **change})
    assert complaint in str(caught.value)


def test_two_options_of_one_name_are_refused(run: Run) -> None:
    with pytest.raises(ParamsError, match=r"options named twice: \['A'\]"):
        run.tune(option("A"), option("A"))


def test_the_holdout_has_no_say_in_the_choice(run: Run) -> None:
    options = [
        option("A"),
        option("N", "calib", "forward_chained", rule="guaranteed"),
        option("C", target=0.3),
    ]
    made = []
    for flipped in (False, True):
        rows = [message(number) for number in range(300)]
        for row in rows[240:] if flipped else []:
            row["labels"] = [] if row["labels"] else ["scam"]
        write(run.data / "m.jsonl", rows)
        run.prepare()
        run.score()
        run.tune(*options)
        decision = run.compare()
        pinned = {path.name: path.read_bytes() for path in run.files["thresholds"].iterdir()}
        made.append(
            (
                decision["chosen"],
                decision["evidence"]["folds"],
                pinned,
                decision["evidence"]["labels"]["scam"]["holdout"],
            )
        )
    assert made[0][:3] == made[1][:3]
    assert made[0][3] != made[1][3]


def test_advice_on_a_label_that_is_not_there_is_refused_with_those_there_are(run: Run) -> None:
    run.prepare()
    run.score()
    run.tune(option("A"))
    known, misspelt = ({"name": "x", "max_fpr": 0.1, "label": label} for label in ("scam", "promoo"))
    with pytest.raises(InputError) as caught:
        run.compare(advice=[known, misspelt])
    assert str(caught.value).startswith(
        "params.yaml, field fpr_thresholds.compare.advice[1].label: no label is called 'promoo'; there are ['scam']"
    )
    assert not run.files["results"].exists()


def test_where_no_label_can_be_learned_the_control_stays_and_no_advice_is_given(run: Run) -> None:
    random = np.random.default_rng(3)
    labels = [["scam"] if coin else [] for coin in random.random(300) < 0.3]
    rows = [message(n, text=f"the same words {n % 7} {n}", labels=labels[n]) for n in range(300)]
    write(run.data / "m.jsonl", rows)
    run.prepare()
    run.score()
    run.tune(option("A"), option("C", target=0.3))
    decision = run.compare()
    assert (decision["chosen"], decision["grade"]) == ({"scam": "A"}, "not judged")
    assert decision["reasons"][0]["text"].startswith(
        "nothing is chosen: for no label can a threshold be shown to help"
    )
    assert decision["evidence"]["labels"]["scam"]["oracle"]["kind"] != "learnable"
    assert decision["action"] in ("redesign", "collect")
    page = (run.files["results"] / "report.md").read_text()
    assert page.count("no advice: in the folds no threshold of") == 2
    assert json.loads(run.files["adopted"].read_text())["labels"]["scam"]["option"] == "A"


def test_evidence_of_the_folds_has_counts_bounds_and_the_control_beside_each_option(run: Run) -> None:
    run.prepare()
    run.score()
    run.tune(option("A"), option("C", target=0.3))
    decision = run.compare()
    with np.load(run.files["folds"]) as folds:
        fired, positive = folds["fired"][:, :, 0], folds["positive"][:, 0]
    for number, name in enumerate(("A", "C")):
        found = decision["evidence"]["folds"][name]["scam"]
        assert found["false_positives"] == (fired[number] & ~positive).sum()
        assert found["negatives"] == (~positive).sum()
        assert found["lower_bound"] <= found["fpr"] <= found["upper_bound"]
        assert found["only_this_option_fired"] == (fired[number] & ~fired[0] & ~positive).sum()


def test_a_ratio_of_rates_is_not_measured_where_nothing_fired(run: Run) -> None:
    run.prepare()
    run.score()
    run.tune(option("A"), option("N", rule="guaranteed", target=0.001))
    run.compare()
    table: Any = pd.read_csv(run.files["results"] / "table.csv").set_index(["option", "label"])
    assert np.isinf(table.loc[("N", "scam"), "threshold"])
    assert np.isnan(table.loc[("N", "scam"), "gamma"])
    assert table.loc[("A", "scam"), "gamma"] >= 1


def test_advice_names_the_best_alternative_with_its_interval() -> None:
    recall, fpr = np.array([0.4, 0.5, 0.9]), np.zeros(3)
    main = OptionChoice(1, 1, None, np.array([0, 1, 0], bool), recall, fpr, (0.0, 0.2), None)
    looser = OptionChoice(0, 1, 1, np.array([1, 1, 0], bool), recall, fpr, (0.0, 0.0), (-0.12, 0.01))
    folds = FoldChoice({}, {"scam": main}, np.zeros((3, 1)), [], [])
    rule = Advice(name="at 5%", max_fpr=0.05, label=None)
    best, unlearnable = sentences(
        REASONS, [advice(["A", "B", "C"], rule, each, folds, 0.02) for each in ({"scam": looser}, {})]
    )
    assert best == (
        "scam: A (fold recall 0.400); beside it B (0.500): the difference is -10.0 points [-12.0, +1.0], not "
        "distinguishable, and A stands first; B, chosen at 2.0%, is within 5.0% too"
    )
    assert unlearnable.startswith("no advice: in the folds no threshold of any label")


def test_a_threshold_that_never_fires_is_not_adopted(run: Run) -> None:
    run.prepare()
    run.score()
    run.tune(option("A", target=0.001), option("N", rule="guaranteed", target=0.02))
    for risk_of in ("each_label", "all_labels"):
        decision = run.compare(selection={**COMPARE["selection"], "max_risk": 0.999, "risk_of": risk_of})
        assert (
            json.loads((run.files["thresholds"] / "N.json").read_text())["labels"]["scam"]["threshold"]
            == "Infinity"
        )
        assert not decision["evidence"]["folds"]["N"]["scam"]["eligible"]
        assert decision["evidence"]["folds"]["N"]["scam"]["risk"] is None


def test_what_is_chosen_whole_promises_a_rate_of_clean_rows(run: Run) -> None:
    run.prepare()
    run.score()
    run.tune(option("A"), option("L", "calib", "forward_chained", rule="any_label"))
    decision = run.compare(selection={**COMPARE["selection"], "max_risk": 0.2, "risk_of": "any_label"})
    assert not decision["evidence"]["folds"]["A"]["scam"]["eligible"]
    assert decision["chosen"] == {"scam": "L"}
    assert "of the clean rows" in decision["reasons"][0]["text"]


def test_the_folds_tune_on_no_more_negatives_than_what_ships(run: Run) -> None:
    rows = [message(n, labels=["scam"] if n % (2 if n >= 180 else 5) == 0 else []) for n in range(300)]
    write(run.data / "m.jsonl", rows)
    run.prepare()
    run.score()
    run.tune(option("N", rule="guaranteed", target=0.06))
    shipped = json.loads((run.files["thresholds"] / "N.json").read_text())["labels"]["scam"]
    assert (shipped["negatives"], shipped["status"]) == (30, "infeasible")
    with np.load(run.files["folds"]) as folds:
        assert np.isinf(folds["thresholds"]).all()
