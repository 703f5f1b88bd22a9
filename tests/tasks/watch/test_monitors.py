"""What a batch of each of the other experiments says, by hand; and what is refused, by row and field."""

# ruff: noqa: PD011 - our own arrays

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from storage.files.inputs import InputError
from tasks.head_sweep.use import monitor as head
from tasks.hybrid_calibrator.use import monitor as hybrid
from tasks.lens_shortcuts.use import monitor as lens
from tasks.speech_temperature.use import monitor as speech


def csv(path: Path, **columns: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


def test_accepted_candidates_count_by_image(tmp_path: Path) -> None:
    folder = tmp_path / hybrid.FOLDER
    folder.mkdir(parents=True)
    (folder / "thresholds.json").write_text('{"chosen": {"a": "x", "b": "y"}}')
    csv(
        tmp_path / hybrid.RESULTS / "table.csv",
        variant=["a", "b"], option=["x", "y"], precision_low=[0.9, 0.8], f1_low=[0.7, 0.75],
    )  # fmt: skip
    precision, f1 = hybrid.promises(tmp_path)
    assert (precision.figure(precision.limit), f1.figure(f1.limit)) == pytest.approx((0.8, 0.7))
    path = csv(
        tmp_path / "b.csv",
        image=["i", "i", "i", "k"], accepted=[1, 1, 0, 0], correct=[1, 0, 1, 0], missed=[1, 1, 1, 2], score=[0.5] * 4,
    )  # fmt: skip
    seen = hybrid.reading(tmp_path, path)
    assert seen.observed["precision"].values == pytest.approx([0.2 + (1 - 0.2 * 2) / 20, 0.2])
    bad, weight = (
        np.array([2, 2]),
        np.array([2 + 1 + 1, 2]),
    )  # wrong and missed; accepted, matched again, missed
    assert seen.observed["F1"].values == pytest.approx(0.3 + (bad - 0.3 * weight) / 40)
    assert seen.observed["F1"].rows.tolist() == [4, 5]
    assert len(seen.scores["score"].values) == 2
    assert hybrid.reading(tmp_path, csv(tmp_path / "c.csv", image=["i"], accepted=[1])).observed == {}
    with pytest.raises(InputError, match=r"row 3, field accepted: expected 0 or 1, got 2\.0"):
        hybrid.reading(tmp_path, csv(tmp_path / "d.csv", image=["i", "i"], accepted=[1, 2]))


def test_a_head_is_watched_by_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answers(embeddings: np.ndarray) -> np.ndarray:
        return np.stack([embeddings[:, 0], 1 - embeddings[:, 0]], axis=1)

    known = SimpleNamespace(
        spec=SimpleNamespace(id="run"), classes=["a", "b"], inputs=1, probabilities=answers
    )
    monkeypatch.setattr(head, "_head", lambda _: known)
    csv(tmp_path / head.RESULTS / "runs.csv", id=["run"], accuracy=[0.9], rows=[1000])
    (promise,) = head.promises(tmp_path)
    assert 0.1 < promise.limit < 0.12
    path = csv(tmp_path / "b.csv", label=["a", "b", "a"], predicted=["a", "a", "a"], group=["g", "g", "h"])
    seen = head.reading(tmp_path, path).observed["accuracy"]
    assert seen.bad is not None
    assert seen.bad.tolist() == [1, 0]
    np.savez(
        tmp_path / "b.npz", embeddings=np.array([[0.9], [0.2], [0.6]]), labels=[0, 1, 1], groups=[0, 0, 1]
    )
    same = head.reading(tmp_path, tmp_path / "b.npz")
    assert same.observed["accuracy"].bad is not None
    assert same.observed["accuracy"].bad.tolist() == [0, 1]
    assert same.scores["confidence"].values == pytest.approx([0.85, 0.6])
    with pytest.raises(InputError, match="row 2, field label: unknown class 'z'; the head knows a, b"):
        head.reading(tmp_path, csv(tmp_path / "c.csv", label=["z"], predicted=["a"]))


def test_a_lens_finder_is_watched_by_pairs_of_hosts(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(
        "lens_shortcuts: {compare: {level: 0.95, test_auroc: 0.88, fewest_seeds: 3, hardest: 8}}\n"
    )
    path = csv(
        tmp_path / "b.csv", host=["a", "a", "b", "c"], label=[1, 1, 0, 0], score=[0.9, 0.3, 0.5, 0.1]
    )  # fmt: skip
    (promise,) = lens.promises(tmp_path)
    seen = lens.reading(tmp_path, path)
    assert promise.figure(promise.limit) == pytest.approx(0.88)
    assert seen.observed["AUROC"].values == pytest.approx([0.5])
    assert seen.notes == {"hosts without a partner": 1}
    with pytest.raises(InputError, match="is not a score in"):
        lens.reading(tmp_path, csv(tmp_path / "c.csv", host=["a"], score=[3]))


def calibrated(root: Path, method: str, temperature: float) -> None:
    from storage.files.documents import write_json  # noqa: PLC0415

    fits = [
        {"method": "none", "status": "fitted", "parameters": {}},
        {"method": "temperature", "status": "fitted", "parameters": {"temperature": [temperature]}},
    ]
    losses = {"nll_before": 1.0, "nll_after": 0.5}
    write_json(
        root / speech.FOLDER / "seed_42.json",
        {
            "seed": 42, "method": method, "temperature": temperature, "status": "fitted", "rows": 9, "groups": 3,
            **losses, "labels": ["YES", "NO"], "methods": fits,
            "estimate": {"temperature": temperature, "status": "fitted", **losses},
        },
    )  # fmt: skip
    csv(
        root / speech.RESULTS / "table.csv",
        option=["none", "temperature"], confidence=[0.9, 0.8], accuracy=[0.8, 0.8], accuracy_low=[None, 0.7],
    )  # fmt: skip
    split = "split: {by: random, dev: 0.5, seed: 0}"
    (root / "params.yaml").write_text(
        "speech_temperature: {prepare: {kind: logits, logits: l.csv, labels: all, holds: logits, temperature: 1.0, "
        f"columns: null, conditions: [], seeds: {{42: null}}, {split}}}}}\n"
    )


def test_a_calibration_is_watched_by_group_against_none(tmp_path: Path) -> None:
    calibrated(tmp_path, "temperature", 2.0)
    loss, confidence = speech.promises(tmp_path)
    assert loss.figure(loss.limit) == 0
    assert confidence.figure(confidence.limit) == pytest.approx(0.1)
    path = csv(
        tmp_path / "b.csv",
        clip=["1", "2", "3"], group=["g", "g", "h"], label=["YES", "NO", "YES"], logit_YES=[2, 4, 30], logit_NO=[0, 0, 0.5],
    )  # fmt: skip
    seen = speech.reading(tmp_path, path)
    margins = np.array([2.0, -4.0, 29.5])
    saved = np.log1p(np.exp(-margins / 2)) - np.log1p(np.exp(-margins))
    cut = np.clip(saved, -1, 1)
    means = loss.zero + (loss.one - loss.zero) * seen.observed[loss.name].values
    assert means == pytest.approx([cut[:2].mean(), cut[2]])
    sure = 1 / (1 + np.exp(-np.abs(margins) / 2)) - np.array([1, 0, 1])
    figures = [confidence.figure(each) for each in seen.observed[confidence.name].values]
    assert figures == pytest.approx([sure[:2].mean(), sure[2]])
    assert seen.notes == {"differences of losses cut at one nat": 1}


def test_where_nothing_was_calibrated_confidence_alone_is_watched(tmp_path: Path) -> None:
    calibrated(tmp_path, "none", 1.0)
    (confidence,) = speech.promises(tmp_path)
    assert confidence.figure(confidence.limit) == pytest.approx(0.1)  # no interval: from the accuracy itself
