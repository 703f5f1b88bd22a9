"""What is exported of a pinned head answers embeddings as the head itself does, and refuses what it cannot."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from methods.heads.lanes import initial_parameters
from methods.heads.shapes import Shape
from methods.heads.specs import HeadSpec
from serving.errors import RecordError
from storage.files.documents import write_json
from storage.files.inputs import InputError
from storage.heads.embeddings import STATUS, Card
from tasks.head_sweep.use.apply import HeadClassifier, read_head, write_head
from tasks.head_sweep.use.export import HEAD, payload
from tests.serving.exports import loaded

CLASSES = ["bird", "cat", "dog", "__bg_0"]
ROWS = 10_000
BAND = 1e-5


def pinned(root: Path, recipe: str = "h32b64__bal-mix0-ls0p1-center-gelu-ln") -> HeadClassifier:
    spec, inputs = HeadSpec.parse(f"enc__{recipe}__s3"), 16
    rng = np.random.default_rng(2)
    tensors: dict[str, Any] = {
        name: (value + 0.5 * rng.standard_normal(value.shape)).astype(np.float32)
        for name, value in initial_parameters(Shape.of(spec, inputs, len(CLASSES)), 3).items()
    }
    tensors |= {"mean": 0.1 * rng.standard_normal(inputs), "spread": rng.uniform(0.1, 0.3, inputs)}
    head = HeadClassifier(
        spec, "base", CLASSES, 3, inputs, 0.7, "fitted", np.log([0.5, 0.2, 0.2, 0.1]).tolist(),
        Card("made up", "none", "0" * 64, {}), tensors,
    )  # fmt: skip
    (root / HEAD).parent.mkdir(parents=True)
    write_head(root / HEAD, head)
    return read_head(root / HEAD)


@pytest.mark.parametrize(
    "recipe", ["h32b64__bal-mix0-ls0p1-center-gelu-ln", "linearb64__nat-mix0-ls0-lainfer1", "h32b64__bal-mix0-ls0-arc30m0p2"]
)  # fmt: skip
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_embeddings_are_answered_as_by_the_head(tmp_path: Path, recipe: str, dtype: Any) -> None:
    head = pinned(tmp_path, recipe)
    service = loaded(payload(tmp_path), "head_sweep", tmp_path / "export")
    rows = np.random.default_rng(5).standard_normal((ROWS, head.inputs)).astype(dtype)
    expected = head.probabilities(rows)
    assert np.abs(service.probabilities(rows) - expected).max() < BAND
    assert np.abs(service.logits(rows) - head.logits(rows)).max() < 10 * BAND
    found = service.decide({"embedding": rows})
    ranked = np.sort(expected, axis=1)
    sure = ranked[:, -1] - ranked[:, -2] > 2 * BAND
    answers = np.array(CLASSES)[expected.argmax(axis=1)]
    assert (found["predicted"] == answers)[sure].all()
    assert (found["foreground"] == np.char.startswith(found["predicted"], "__bg"))[sure].sum() == 0
    assert sure.mean() > 0.99
    assert service.decide([{"embedding": rows[0].tolist()}])["predicted"][0] == found["predicted"][0]
    assert len(service.decide({"embedding": rows[:0]})["predicted"]) == 0


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (0.0, "row 2, field embedding: is all 0, so it has no direction; leave the row out"),
        (np.nan, "row 2, field embedding: nan is no number"),
        (np.inf, "row 2, field embedding: inf is not finite"),
        (1e200, "row 2, field embedding: has no finite length"),
    ],
)
def test_rows_without_a_direction_are_named(tmp_path: Path, value: float, says: str) -> None:
    head = pinned(tmp_path)
    service = loaded(payload(tmp_path), "head_sweep", tmp_path / "export")
    rows = np.ones((3, head.inputs))
    rows[1] = value
    with pytest.raises(RecordError) as error:
        service.decide({"embedding": rows})
    assert str(error.value).startswith(says)
    assert "\n" not in str(error.value)
    with pytest.raises(RecordError, match=r"expected values of shape \(rows, 16\), got \(3, 15\)"):
        service.decide({"embedding": np.ones((3, 15))})


def test_a_study_of_finished_runs_has_no_head_to_export(tmp_path: Path) -> None:
    (tmp_path / HEAD).parent.mkdir(parents=True)
    write_json((tmp_path / HEAD).with_suffix(".json"), STATUS)
    with pytest.raises(
        InputError, match="holds no head: the runs came finished, and nothing was trained here"
    ) as error:
        payload(tmp_path)
    assert "\n" not in str(error.value)


def test_twice_is_the_same_bytes(tmp_path: Path) -> None:
    pinned(tmp_path)
    assert payload(tmp_path).files == payload(tmp_path).files
