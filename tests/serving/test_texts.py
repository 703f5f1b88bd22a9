"""A message has the score that the pipeline gave it, bit for bit, and fires as it did there."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from jsonschema import Draft202012Validator

from methods.text.ngrams import fit_ngram_model, ngram_features, ngram_scores
from serving import ExportError, RecordError, load, records
from serving import texts as serving_texts
from serving.mlflow_form import _load_pyfunc
from serving.rules.clean_text import clean_text
from serving.rules.thresholds import fires
from serving.sklearn_form import ExportedTextModel, ExportedThresholds
from tests.serving.exports import texts_export, thresholds_export

LABELS = ("spam", "scam")
SETTINGS = {"word_ngrams": 2, "char_ngrams": [2, 5]}
BUCKETS = 4096
MESSAGES = 12_000
WORDS = (
    "meet lunch report TODAY thanks train Straße ΣΊΣΥΦΟΣ win PRIZE bonus click free cash claim İstanbul e\u0301te\u0301 "
    "ﬁne 🙂 👍🏽 👩‍👩‍👧 漢字 \U00010400\U0001d518 １２３ a\u200bb \x00 \u0301 – \u00ad \ufeff"
).split(" ")
RARE = [
    "",
    " ",
    "\t\n",
    "\u200b",
    "🙂",
    "\u0301",
    "a",
    "x" * 30_000,
    "Ab " * 5000,
    "\U0010ffff",
    "\x00",
    "\ufdfa" * 50,
]


def messages(count: int) -> list[str]:
    random = np.random.default_rng(7)
    texts = [" ".join(random.choice(WORDS, random.integers(0, 14))) for _ in range(count - len(RARE))]
    return [*RARE, *texts]


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return messages(MESSAGES)


@pytest.fixture(scope="module")
def scored(texts: list[str]) -> "np.ndarray[Any, np.dtype[np.float32]]":
    """As the score stage scores them, and with thresholds at scores that occur."""
    return ngram_scores(*_fitted(texts))


def _fitted(texts: list[str]) -> Any:
    features = ngram_features([clean_text(text) for text in texts], BUCKETS, 2, (2, 5))
    positive = np.array([["win" in text or "free" in text, "cash" in text] for text in texts])
    return fit_ngram_model(features[:2000], positive[:2000], 10.0), features


@pytest.fixture(scope="module")
def thresholds(scored: Any) -> dict[str, float]:
    return {label: float(np.sort(scored[:, place])[-3000]) for place, label in enumerate(LABELS)}


@pytest.fixture(scope="module")
def exported(texts: list[str], thresholds: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    model, _ = _fitted(texts)
    return texts_export(tmp_path_factory.mktemp("texts"), thresholds, model, SETTINGS, {"text": "body"})


def test_every_message_scores_and_fires_as_in_the_pipeline(
    exported: Path, texts: list[str], scored: Any, thresholds: dict[str, float]
) -> None:
    decided = load(exported).decide({"text": texts})
    assert list(decided) == ["score:spam", "score:scam", "fires:spam", "fires:scam"]
    wanted = fires(scored, np.array(list(thresholds.values())))
    for place, label in enumerate(LABELS):
        np.testing.assert_array_equal(decided[f"score:{label}"], scored[:, place].astype(np.float64))
        np.testing.assert_array_equal(decided[f"fires:{label}"], wanted[:, place])
        assert decided[f"fires:{label}"].sum() >= 3000  # the tie fires, too


def test_scores_do_not_hang_on_what_stands_beside(
    exported: Path, texts: list[str], scored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving_texts, "AT_ONCE", 500)
    some = np.random.default_rng(1).permutation(len(texts))[:1000]
    made = load(exported).scores([texts[each] for each in some])
    np.testing.assert_array_equal(made, scored[some])
    assert load(exported).scores([]).shape == (0, 2)


def test_every_way_in_gives_the_same(exported: Path, texts: list[str]) -> None:
    decision, few = load(exported), texts[:300]
    wanted = decision.decide({"text": few})
    frame = pd.DataFrame({"id": range(300), "text": few}, index=range(300, 0, -1))
    by_frame = _load_pyfunc(str(exported)).predict(frame)
    assert by_frame.index.tolist() == frame.index.tolist()
    for made in (
        decision.decide([{"text": text} for text in few]),
        decision.decide([{"body": text} for text in few]),
        decision.decide({"body": np.array(few, object), "text": few}),
        decision.decide(frame.convert_dtypes()),
        {name: by_frame[name].to_numpy() for name in by_frame},
    ):
        assert list(made) == list(wanted)
        for name, column in wanted.items():
            np.testing.assert_array_equal(made[name], column)
    model = ExportedTextModel(exported)
    np.testing.assert_array_equal(model.predict_proba(few), decision.scores(few))
    fired = np.stack([wanted[f"fires:{label}"] for label in LABELS], axis=1)
    np.testing.assert_array_equal(model.predict(few), fired)
    np.testing.assert_array_equal(ExportedThresholds(model, exported).predict(few), fired)


def test_scikit_learn_s_form_of_one_label_has_two_classes(tmp_path: Path, texts: list[str]) -> None:
    model, _ = _fitted(texts[:2000])
    one = type(model)(model.coefficients[:1], model.intercepts[:1])
    folder = texts_export(tmp_path, {"spam": 0.5}, one, SETTINGS)
    form = ExportedTextModel(folder)
    shares = form.predict_proba(texts[:50])
    np.testing.assert_array_equal(shares.sum(axis=1), 1)
    np.testing.assert_array_equal(form.predict(texts[:50]), shares[:, 1] >= 0.5)
    np.testing.assert_array_equal(ExportedThresholds(form, folder).predict(texts[:50]), shares[:, 1] >= 0.5)


def test_rows_that_bring_scores_go_on(exported: Path, thresholds: dict[str, float]) -> None:
    at = {f"score:{label}": threshold for label, threshold in thresholds.items()}
    below = {name: np.nextafter(score, 0) for name, score in at.items()}
    decision = load(exported)
    assert records(decision.decide([at, below])) == [
        {"fires:spam": True, "fires:scam": True},
        {"fires:spam": False, "fires:scam": False},
    ]
    assert list(decision.decide([{**at, "text": "win"}])) == ["fires:spam", "fires:scam"]
    with pytest.raises(RecordError, match="row 2, field score:scam: is missing"):
        decision.decide([at, {"text": "a", "score:spam": 0.5}])


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ([{"text": "a"}, {"text": "b\ud83d"}], "row 2, field text: holds half of a character"),
        ([{"text": "a"}, {"text": None}], "row 2, field text: expected text, got None"),
        ({"text": ["a", 7.0]}, "row 2, field text: expected text, got 7.0"),
        ({"body": np.array([1, 2])}, "row 1, field body: expected text, got 1"),
        (
            [{"message": "a"}],
            "row 1, field text: is missing, there are message; expected text, body or score:spam, score:scam",
        ),
    ],
)
def test_what_is_no_message_is_refused_by_row(exported: Path, inputs: Any, says: str) -> None:
    with pytest.raises(RecordError) as error:
        load(exported).decide(inputs)
    assert str(error.value).startswith(says)
    assert "\n" not in str(error.value)


def test_the_schema_takes_messages_or_scores(exported: Path) -> None:
    schema = json.loads((exported / "schema.json").read_text())
    takes = Draft202012Validator(schema)
    answers = Draft202012Validator({"$ref": "#/$defs/output", "$defs": schema["$defs"]})
    scores = {"score:spam": 0.5, "score:scam": 1}
    for fits in ({"text": ""}, {"body": "a"}, scores, {**scores, "text": "a"}):
        assert takes.is_valid(fits)
        (answer,) = records(load(exported).decide([fits]))
        assert answers.is_valid(answer)
    for broken in ({}, {"text": 1}, {"score:spam": 0.5}, {"text": None}):
        assert not takes.is_valid(broken)


def test_an_edited_model_is_refused(exported: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    folder.mkdir()
    for path in exported.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    content = bytearray((folder / "text_model.npz").read_bytes())
    content[-4000] ^= 1
    (folder / "text_model.npz").write_bytes(content)
    with pytest.raises(ExportError, match=r"text_model\.npz: is not the file that was exported"):
        load(folder)


def test_the_card_says_what_it_takes(exported: Path, tmp_path: Path) -> None:
    card = (exported / "card.md").read_text()
    assert "It takes messages" in card
    assert "| `text`, or `body` as in the study's own file | string |" in card
    assert "| instead: `score:spam` | number |" in card
    assert "It takes scores" in (thresholds_export(tmp_path, {"spam": 0.5}) / "card.md").read_text()
