"""Simulated detections have the figures that the plan names, and every knob of the embeddings does what it says."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from methods.detection.matching import match, paired_iou
from params.block import read_block
from params.simulated_detections import Simulate
from simulators import hybrid_calibrator as simulator
from simulators.hybrid_calibrator import World
from tests.imports import ROOT

DEFAULT: Simulate = read_block(ROOT / "params.yaml", "hybrid_calibrator.simulate", Simulate)
QUIET = dict.fromkeys(
    ("concentrated", "diffuse", "interaction", "content", "image_nuisance", "crop_quality"), 0.0
)


def changed(**changes: Any) -> Simulate:
    return Simulate.model_validate({**DEFAULT.model_dump(), **changes})


def small(signal: dict[str, float] | None = None, seed: int = 1) -> Simulate:
    sizes = {"train": 120, "tune": 10, "report": 10}
    return changed(images=sizes, embedding=48, seed=seed, signal=QUIET | (signal or {}))


@pytest.fixture(scope="module")
def world() -> World:
    return World(DEFAULT)


def matched(world: World, variant: str, name: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """IoU of one source's true positives at .5, and which objects it finds."""
    found, objects, classes = world.candidates(variant, name), world.objects, len(world.classes)
    none = np.zeros(len(objects.image), bool)
    group, gt_group = found.image * classes + found.label, objects.image * classes + objects.label
    truth = match(found.box, found.score, group, objects.box, gt_group, none, 0.5)
    hit = truth >= 0
    none[truth[hit]] = True
    return paired_iou(found.box[hit], objects.box[truth[hit]]), none


@pytest.mark.parametrize("variant", ["nonwindow", "window"])
def test_recall_localisation_and_common_misses_are_as_planned(world: World, variant: str) -> None:
    measured = [matched(world, variant, name) for name in DEFAULT.sources]
    quantiles = np.quantile(np.concatenate([overlap for overlap, _ in measured]), [0.1, 0.5, 0.9])
    assert quantiles == pytest.approx([0.59, 0.79, 0.92], abs=0.03)
    recalls = [found.mean() for _, found in measured]
    assert min(recalls) > 0.65
    assert max(recalls) < 0.9
    phi = np.corrcoef([found for _, found in measured])[np.triu_indices(len(measured), 1)]
    assert phi.min() > 0.4
    assert phi.max() < 0.6


def test_there_are_some_500_images_with_some_60_raw_candidates(world: World) -> None:
    assert 450 <= world.images <= 550
    per_image = sum(len(world.candidates("nonwindow", name).image) for name in DEFAULT.sources) / world.images
    assert 55 <= per_image <= 70
    assert len(np.unique(world.objects.image)) < world.images  # some have no object


def test_scores_of_sam_sources_hardly_tell_and_their_boxes_are_tight(world: World) -> None:
    told, overlaps = {}, {}
    for name in DEFAULT.sources:
        found = world.candidates("nonwindow", name)
        told[name] = roc_auc_score(found.good, found.score)
        overlaps[name] = np.median(matched(world, "nonwindow", name)[0])
    assert min(told["yolo"], told["rfdetr"]) > 0.85
    assert max(told["sam3_text"], told["sam3_similarity"]) < 0.75
    assert min(overlaps["sam3_text"], overlaps["sam3_similarity"]) > max(overlaps["yolo"], overlaps["rfdetr"])


def test_look_alikes_fool_several_sources_at_one_place(world: World) -> None:
    lookalikes, classes = world.lookalikes, len(world.classes)
    fooled = []
    for name in DEFAULT.sources:
        found, none = world.candidates("nonwindow", name), np.zeros(len(lookalikes.image), bool)
        group, gt_group = found.image * classes + found.label, lookalikes.image * classes + lookalikes.label
        truth = match(found.box, found.score, group, lookalikes.box, gt_group, none, 0.5)
        none[truth[truth >= 0]] = True
        fooled.append(none)
    both = np.sum(fooled, axis=0) >= 2
    assert both.mean() > 0.3


def test_tiles_cut_boxes_and_see_things_twice(world: World) -> None:
    found = world.candidates("window", "yolo")
    assert set(found.tile.tolist()) == set(range(len(list(world._tiles("window")))))
    assert 0.02 < found.touches_edge.mean() < 0.5
    assert (world.candidates("nonwindow", "yolo").tile == -1).all()
    assert len(found.image) > 1.2 * len(world.candidates("nonwindow", "yolo").image)


def crops(params: Simulate) -> tuple[Any, NDArray[np.float32], NDArray[np.float64]]:
    """Candidates, embeddings and probabilities of two sources, one after the other."""
    world = World(params)
    found = [world.candidates("nonwindow", name) for name in ("yolo", "rfdetr")]
    arrays = [world.crops(each, str(number)) for number, each in enumerate(found)]
    embeddings, probabilities = (
        np.concatenate([each[name] for each in arrays]) for name in ("embeddings", "probabilities")
    )
    return simulator._joined(*found), embeddings.astype(np.float32), probabilities.astype(np.float64)


def linear_auc(features: NDArray[Any], positive: NDArray[np.bool_]) -> float:
    """Fitted on every second row, judged on the others."""
    model = LogisticRegression(C=0.1, max_iter=200).fit(features[::2], positive[::2])
    return float(roc_auc_score(positive[1::2], model.decision_function(features[1::2])))


def test_without_signal_the_crops_tell_nothing() -> None:
    found, embeddings, probabilities = crops(small())
    assert len(found.good) > 3000
    assert abs(linear_auc(embeddings, found.good) - 0.5) < 0.04
    assert abs(linear_auc(probabilities, found.good) - 0.5) < 0.04


def test_a_diffuse_signal_shows_in_no_coordinate_but_in_all_together() -> None:
    found, embeddings, _ = crops(small({"diffuse": 1.2}))
    single = max(roc_auc_score(found.good, column) for column in embeddings.T)
    assert single < 0.8
    assert linear_auc(embeddings, found.good) > 0.92


def test_a_concentrated_signal_shows_in_three_coordinates() -> None:
    found, embeddings, _ = crops(small({"concentrated": 0.8}))
    each = np.array([roc_auc_score(found.good, column) for column in embeddings.T])
    assert each[:3].min() > 0.8
    assert np.abs(each[3:] - 0.5).max() < 0.05


def test_an_interacting_signal_shows_only_within_a_class() -> None:
    found, embeddings, _ = crops(small({"interaction": 1.5}))
    own = found.label == 0
    within = linear_auc(embeddings[own], found.good[own])
    assert within > 0.85
    assert linear_auc(embeddings, found.good) < within - 0.1


def test_image_nuisance_is_shared_within_an_image() -> None:
    found, embeddings, _ = crops(small({"image_nuisance": 1.0}))
    means = np.stack([embeddings[found.image == image].mean(axis=0) for image in range(20)])
    _, plain, _ = crops(small())
    quiet = np.stack([plain[found.image == image].mean(axis=0) for image in range(20)])
    assert means.std(axis=0).mean() > 1.5 * quiet.std(axis=0).mean()


def test_bad_crops_tell_less() -> None:
    found, embeddings, _ = crops(small({"diffuse": 1.5, "crop_quality": 1.0}))
    sharp = found.quality > np.median(found.quality)
    assert (
        linear_auc(embeddings[sharp], found.good[sharp])
        > linear_auc(embeddings[~sharp], found.good[~sharp]) + 0.05
    )


def test_content_shows_the_class_in_the_probabilities() -> None:
    found, _, probabilities = crops(small({"content": 3.0}))
    seen = found.content >= 0
    assert (probabilities[seen].argmax(axis=1) == found.content[seen]).mean() > 0.7


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(tmp_path: Path) -> None:
    params = changed(images={"train": 6, "tune": 3, "report": 3}, embedding=8)
    contents = []
    for number, seeded in enumerate((params, params, params.model_copy(update={"seed": 99}))):
        simulator.main(seeded, tmp_path / str(number))
        contents.append(
            {
                path.relative_to(tmp_path / str(number)): path.read_bytes()
                for path in (tmp_path / str(number)).rglob("*")
                if path.is_file()
            }
        )
    assert len(contents[0]) == 3 + 2 * 2 * len(DEFAULT.sources)
    assert contents[0] == contents[1]
    assert contents[0][Path("window/yolo.json")] != contents[2][Path("window/yolo.json")]
