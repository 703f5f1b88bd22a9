"""Structured features against plain loops over random clusters, and what each family has to leave out."""

import math
from dataclasses import replace

import numpy as np
import pytest

from methods.detection import features
from methods.detection.clusters import label_agreement, source_counts, source_maxima, source_overlap
from methods.detection.features import Candidates, RawBoxes
from methods.detection.matching import paired_iou, representatives
from methods.experts.projection import random_projection

SOURCES, CLASSES, IMAGES = ("a", "b", "c"), 2, 6


def scene(seed: int) -> tuple[Candidates, RawBoxes]:
    random = np.random.default_rng(seed)
    rows = 120
    image, label = random.integers(0, IMAGES, rows), random.integers(0, CLASSES, rows)
    corner = random.integers(0, 5, (rows, 2)) * 12.0
    box = np.hstack([corner, corner + random.integers(2, 5, (rows, 2)) * 10])
    score = random.integers(0, 11, rows) / 10
    order = np.lexsort((-score, label, image))
    image, label, box, score = image[order], label[order], box[order], score[order]
    size = np.tile([[100.0, 120.0]], (rows, 1))
    kept, cluster = np.unique(representatives(box, score, image * CLASSES + label, 0.5), return_inverse=True)
    candidates = Candidates(image[kept], label[kept], box[kept], score[kept], size[kept])
    tile = random.integers(-1, 3, rows)
    return candidates, RawBoxes(
        image, label, box, score, random.integers(0, 3, rows), cluster, tile, random.random(rows) < 0.3, size
    )


def members(raw: RawBoxes, candidate: int) -> list[int]:
    return np.flatnonzero(raw.cluster == candidate).tolist()


@pytest.mark.parametrize("seed", range(3))
def test_scores_and_support_equal_loops_over_the_cluster(seed: int) -> None:
    candidates, raw = scene(seed)
    scores, support = features.scores(candidates, raw, SOURCES), features.support(candidates, raw, SOURCES)
    for row in range(len(candidates.image)):
        own = members(raw, row)
        values = raw.score[own]
        shares = []
        for place, name in enumerate(SOURCES):
            mine = [raw.score[each] for each in own if raw.source[each] == place]
            assert scores[f"has::{name}"][row] == bool(mine)
            assert scores[f"count::{name}"][row] == len(mine)
            assert scores[f"max::{name}"][row] == max(mine, default=0)
            assert scores[f"score::{name}"][row] == pytest.approx(np.mean(mine) if mine else 0)
            shares.append(len(mine) / len(own))
            assert support[f"support::share::{name}"][row] == shares[-1]
        overlaps = paired_iou(raw.box[own], np.tile(candidates.box[row], (len(own), 1)))
        entropy = -sum(share * math.log(share) for share in shares if share)
        assert support["support::entropy"][row] == pytest.approx(entropy)
        assert support["support::boxes"][row] == len(own)
        for name, numbers in (("score", values), ("iou", overlaps)):
            found = [support[f"support::{name}_{what}"][row] for what in ("mean", "std", "min", "max")]
            assert found == pytest.approx([numbers.mean(), numbers.std(), numbers.min(), numbers.max()])


@pytest.mark.parametrize("seed", range(3))
def test_neighbourhood_and_image_equal_loops_over_the_other_clusters(seed: int) -> None:
    candidates, raw = scene(seed)
    context = features.neighbourhood(candidates, raw, SOURCES, 0.15)
    whole = features.image_level(candidates, raw, SOURCES, IMAGES)
    centre = (raw.box[:, :2] + raw.box[:, 2:]) / 2 / raw.size
    for row in range(len(candidates.image)):
        others = np.flatnonzero((raw.image == candidates.image[row]) & (raw.cluster != row))
        middle = (candidates.box[row, :2] + candidates.box[row, 2:]) / 2 / candidates.size[row]
        near = others[((centre[others] - middle) ** 2).sum(axis=1) <= 0.15**2]
        for prefix, table, rows in (("context", context, near), ("image", whole, others)):
            assert table[f"{prefix}::count"][row] == len(rows)
            assert table[f"{prefix}::same_class"][row] == (raw.label[rows] == candidates.label[row]).sum()
            mean = raw.score[rows].mean() if len(rows) else 0
            assert table[f"{prefix}::score_mean"][row] == pytest.approx(mean)
            for place, name in enumerate(SOURCES):
                assert table[f"{prefix}::count::{name}"][row] == (raw.source[rows] == place).sum()
        assert context["context::score_max"][row] == max(raw.score[near], default=0)
        rivals = (candidates.image == candidates.image[row]) & (candidates.label == candidates.label[row])
        assert (
            whole["image::better_of_class"][row] == (candidates.score[rivals] > candidates.score[row]).sum()
        )


@pytest.mark.parametrize("seed", range(3))
def test_agreement_equals_loops_over_boxes_of_the_image(seed: int) -> None:
    candidates, raw = scene(seed)
    found = features.agreement(candidates, raw, SOURCES)
    for row in range(len(candidates.image)):
        here = np.flatnonzero(raw.image == candidates.image[row])
        overlaps = paired_iou(raw.box[here], np.tile(candidates.box[row], (len(here), 1)))
        same, own = raw.label[here] == candidates.label[row], raw.cluster[here] == row
        for place, name in enumerate(SOURCES):
            mine = raw.source[here] == place
            assert found[f"agreement::iou::{name}"][row] == max(overlaps[same & mine], default=0)
            assert found[f"agreement::beyond::{name}"][row] == max(overlaps[same & mine & ~own], default=0)
        assert found["agreement::other_class_iou"][row] == max(overlaps[~same], default=0)
        claims = raw.score[here[~same & (overlaps >= 0.5)]]
        assert found["agreement::other_class_score"][row] == max(claims, default=0)


def test_tiles_are_those_of_the_first_box_and_of_all() -> None:
    candidates, raw = scene(1)
    found = features.tiling(raw, len(candidates.image))
    for row in range(len(candidates.image)):
        own = members(raw, row)
        assert found["tile::id"][row] == raw.tile[own[0]]
        assert found["tile::touches_edge"][row] == pytest.approx(raw.touches_edge[own].mean())
        assert found["tile::tiles"][row] == len({int(tile) for tile in raw.tile[own]} - {-1})


def test_prompts_are_counted_by_word_whatever_their_case() -> None:
    cluster = np.array([0, 0, 1])
    found = features.prompt_terms(["Small nut", "small NUT", ""], cluster, 2, 8)
    counts = np.stack(list(found.values()), axis=1)
    assert list(found)[:2] == ["prompt::0", "prompt::1"]
    assert counts.sum(axis=1).tolist() == [4, 0]
    assert sorted(counts[0][counts[0] > 0].tolist()) in ([2, 2], [4])
    reordered = features.prompt_terms(["", "nut small", "SMALL nut"], np.array([1, 0, 0]), 2, 8)
    assert all(np.array_equal(found[name], reordered[name]) for name in found)


def test_shapes_are_judged_by_their_own_class_and_rare_classes_by_all() -> None:
    random = np.random.default_rng(0)
    size = np.full((41, 2), 100.0)
    sides = np.vstack([random.uniform(9, 11, (20, 2)), random.uniform(39, 41, (20, 2)), [[90, 90]]])
    box = np.hstack([np.zeros((41, 2)), sides])
    label = np.repeat([0, 1, 2], [20, 20, 1])
    priors = features.shape_priors(box, size, label, 4)
    known = features.shapes(box, size)
    assert priors.mean[0] == pytest.approx(known[:20].mean(axis=0))
    assert priors.mean[2] == pytest.approx(known.mean(axis=0))
    assert priors.mean[3] == pytest.approx(known.mean(axis=0))
    judged = Candidates(
        np.zeros(2, int), np.array([0, 1]), np.array([[0.0, 0, 40, 40]] * 2), np.ones(2), size[:2]
    )
    found = features.geometry(judged, priors, 2.0)
    assert found["geometry::z_log_area"][0] > 10 > 2 > found["geometry::z_log_area"][1]
    assert found["geometry::tail_log_area"][0] == pytest.approx(found["geometry::z_log_area"][0] - 2)
    assert found["geometry::tail_log_area"][1] == 0
    assert found["geometry::margin"].tolist() == [0, 0]


def test_no_candidates_give_empty_columns() -> None:
    candidates, raw = scene(0)
    nothing = Candidates(
        *(getattr(candidates, name)[:0] for name in ("image", "label", "box", "score", "size"))
    )
    empty = RawBoxes(*(getattr(raw, name)[:0] for name in vars(raw)))
    for columns in (
        features.scores(nothing, empty, SOURCES),
        features.support(nothing, empty, SOURCES),
        features.agreement(nothing, empty, SOURCES),
        features.neighbourhood(nothing, empty, SOURCES, 0.1),
        features.image_level(nothing, empty, SOURCES, IMAGES),
        features.tiling(empty, 0),
        features.prompt_terms([], empty.cluster, 0, 4),
    ):
        assert all(len(column) == 0 for column in columns.values())


def test_a_member_more_changes_no_surroundings_of_its_own_cluster() -> None:
    candidates, raw = scene(2)
    target = 5
    leader = members(raw, target)[0]
    more = replace(raw, **{
        name: np.concatenate([values, values[[leader]]]) for name, values in vars(raw).items()
    })  # fmt: skip
    near, again = (features.neighbourhood(candidates, rows, SOURCES, 0.2) for rows in (raw, more))
    whole, anew = (features.image_level(candidates, rows, SOURCES, IMAGES) for rows in (raw, more))
    assert all(near[name][target] == pytest.approx(again[name][target]) for name in near)
    assert all(whole[name][target] == pytest.approx(anew[name][target]) for name in whole)


def test_clusters_count_their_sources() -> None:
    cluster, source = np.array([0, 0, 1, 0]), np.array([1, 1, 0, 0])
    assert source_counts(cluster, source, 2, 3).tolist() == [[1, 2, 0], [1, 0, 0]]
    highest = source_maxima(np.array([0.2, 0.7, 0.0, 0.1]), cluster, source, 2, 3)
    assert np.array_equal(highest, [[0.1, 0.7, np.nan], [0.0, np.nan, np.nan]], equal_nan=True)
    box = np.array([[0.0, 0, 10, 10]])
    overlap = source_overlap(
        box, np.zeros(1, int), np.vstack([box, box]), np.array([0, 1]), np.array([2, 0]), 3
    )
    assert overlap.tolist() == [[0, 0, 1]]
    assert label_agreement(np.array([1, -1, 0]), np.array([5, 5, 6]), np.array([6, 7])) == (1, 2)


def test_projection_keeps_lengths_on_average_and_narrow_rows_as_they_are() -> None:
    rows = np.random.default_rng(0).normal(size=(200, 900)).astype(np.float32)
    projected = random_projection(rows, 300, 4)
    ratio = np.linalg.norm(projected, axis=1) / np.linalg.norm(rows, axis=1)
    assert projected.shape == (200, 300)
    assert ratio.mean() == pytest.approx(1, abs=0.02)
    assert np.allclose(projected[:7], random_projection(rows[:7], 300, 4), atol=1e-5)
    assert not np.array_equal(projected, random_projection(rows, 300, 5))
    assert random_projection(rows, 900, 4) is rows
