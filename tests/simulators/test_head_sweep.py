"""The simulated crops: a long tail, encoders that see the same, and a truth that can be read off."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score
from sklearn.neural_network import MLPClassifier

from params.block import read_block
from params.simulated_crops import Simulate
from simulators import head_sweep as simulator
from storage.heads.embeddings import EmbeddingTable, read_embedding_table
from storage.heads.pictures import read_picture
from tests.imports import ROOT

STATED = read_block(ROOT / "params.yaml", "head_sweep.simulate", Simulate).model_dump()
SMALL: dict[str, Any] = {"seed": 77, "digits": {"images": 10, "per_image": 5}}  # not the default's seed


def simulated(folder: Path, **changes: Any) -> Path:
    simulator.main(Simulate.model_validate({**STATED, **SMALL, **changes}), folder)
    return folder


def split(read: EmbeddingTable) -> tuple[Any, Any, Any]:
    """Directions, labels, and which rows are of the first four fifths of the images."""
    values = read.values.astype(np.float64)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    groups = np.array(read.groups)
    return values, np.array(read.labels), groups < np.unique(groups)[int(0.8 * len(np.unique(groups)))]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulated(tmp_path_factory.mktemp("simulated") / "data")


def test_twice_is_the_same_bytes(data: Path, tmp_path: Path) -> None:
    again = simulated(tmp_path / "data")
    files = [path.relative_to(data) for path in sorted(data.rglob("*")) if path.is_file()]
    assert len(files) > 15
    for name in files:
        digests = {hashlib.sha256((folder / name).read_bytes()).hexdigest() for folder in (data, again)}
        assert len(digests) == 1, name


def test_the_tail_is_as_long_as_asked() -> None:
    counts = simulator.class_counts(4600, 12, 100.0)
    assert sum(counts) == 4600
    assert counts == sorted(counts, reverse=True)
    assert 85 < counts[0] / counts[-1] < 120
    assert len(set(simulator.class_counts(4800, 12, 1.0))) == 1


def test_encoders_see_the_same_crops(data: Path) -> None:
    narrow, wide = (read_embedding_table(data / "simulated" / f"{name}.json") for name in ("narrow", "wide"))
    assert (narrow.ids, narrow.groups, narrow.labels) == (wide.ids, wide.groups, wide.labels)
    assert narrow.values.shape == (6000, 64)
    assert wide.values.shape == (6000, 192)
    # What one gets wrong, the other gets wrong more often than not: they share the crop, not the noise.
    wrong = []
    for read in (narrow, wide):
        values, labels, train = split(read)
        model = LogisticRegression(max_iter=300).fit(values[train], labels[train])
        wrong.append(model.predict(values[~train]) != labels[~train])
    assert wrong[1][wrong[0]].mean() > 1.5 * wrong[1][~wrong[0]].mean()


def test_label_noise_is_known(data: Path) -> None:
    truth = json.loads((data / "truth.json").read_text())
    read = read_embedding_table(data / "simulated" / "wide.json")
    label = dict(zip(read.ids, read.labels, strict=True))
    assert all(label[name] != true for name, true in truth["mislabelled"].items())
    assert 0.01 < len(truth["mislabelled"]) / 4600 < 0.03  # some slips hit the true class


def fitted_scores(folder: Path, standardise: bool, weights: str | None, hidden: bool) -> float:
    """Macro recall of the foreground classes on other images."""
    values, labels, train = split(read_embedding_table(folder / "simulated" / "wide.json"))
    if standardise:
        values = (values - values[train].mean(axis=0)) / values[train].std(axis=0)
    model: Any = LogisticRegression(C=0.1 if standardise else 10, max_iter=500, class_weight=weights)
    if hidden:
        model = MLPClassifier((64,), early_stopping=True, random_state=0, max_iter=300)
    predicted = model.fit(values[train], labels[train]).predict(values[~train])
    classes = sorted(set(labels) - {"__bg"})
    return float(recall_score(labels[~train], predicted, labels=classes, average="macro", zero_division=0))


def test_what_can_gain_gains(data: Path) -> None:
    plain = fitted_scores(data, True, None, hidden=False)
    assert fitted_scores(data, True, "balanced", hidden=False) > plain + 0.03  # a long tail: weights
    assert fitted_scores(data, True, None, hidden=True) > plain + 0.1  # two looks of a class: a hidden layer
    assert fitted_scores(data, True, None, hidden=True) > fitted_scores(data, False, None, hidden=True) + 0.03


def test_without_looks_a_hidden_layer_has_nothing_to_find(tmp_path: Path) -> None:
    folder = simulated(tmp_path / "data", views=1)
    linear = fitted_scores(folder, True, None, hidden=False)
    assert fitted_scores(folder, True, None, hidden=True) < linear + 0.05


def test_digits_lie_where_their_boxes_say(data: Path) -> None:
    content = json.loads((data / "digits" / "boxes.json").read_text())
    assert len(content["images"]) == 10
    assert len(content["annotations"]) == 50
    pictures = {
        image["id"]: read_picture(data / "digits" / "images" / image["file_name"])
        for image in content["images"]
    }
    for each in content["annotations"]:
        x, y, width, height = each["bbox"]
        picture = pictures[each["image_id"]]
        assert x >= 0
        assert x + width <= picture.shape[1]
        assert y + height <= picture.shape[0]
        inside = picture[y : y + height, x : x + width].astype(int).max(axis=(0, 1)).sum()
        assert inside > np.median(picture.astype(int), axis=(0, 1)).sum() + 100
