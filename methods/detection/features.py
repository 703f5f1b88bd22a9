"""Structured features of detection candidates: scores, support, geometry, agreement, surroundings, tiles, prompts.

Every function returns named columns, one value per candidate; names are `<family>::<what>`.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from methods.detection.clusters import source_counts, source_maxima, source_overlap
from methods.detection.matching import Boxes, Flags, Floats, Index, paired_iou, pairs_within

Columns = dict[str, Floats]

FEWEST = 5  # boxes from which a class has shape priors of its own
SAME_PLACE = 0.5  # IoU from which a box of another class contradicts


@dataclass(frozen=True)
class Candidates:
    """image and label are places; size is the image's (width, height) per candidate."""

    image: Index
    label: Index
    box: Boxes
    score: Floats
    size: Floats


@dataclass(frozen=True)
class RawBoxes:
    """All boxes before merging; cluster is the candidate that each went into, tile -1 where there are none."""

    image: Index
    label: Index
    box: Boxes
    score: Floats
    source: Index
    cluster: Index
    tile: Index
    touches_edge: Flags
    size: Floats


@dataclass(frozen=True)
class ShapePriors:
    """Mean and deviation of log area and log aspect, (classes, 2)."""

    mean: Floats
    deviation: Floats


def shapes(box: Boxes, size: Floats) -> Floats:
    """(n, 2): log of the box's share of its image, log of width over height."""
    width, height = box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]
    shape: Floats = np.stack([np.log(width * height / size.prod(axis=1)), np.log(width / height)], axis=1)
    return shape


def shape_priors(box: Boxes, size: Floats, label: Index, classes: int) -> ShapePriors:
    """From the ground truth that the caller may learn from; rare classes share the priors of all."""
    known = shapes(box, size)
    mean, deviation = np.empty((classes, 2)), np.empty((classes, 2))
    for place in range(classes):
        own = known[label == place] if (label == place).sum() >= FEWEST else known
        mean[place] = own.mean(axis=0) if len(own) else 0.0
        deviation[place] = np.maximum(own.std(axis=0), 1e-3) if len(own) else 1.0
    return ShapePriors(mean, deviation)


def geometry(candidates: Candidates, priors: ShapePriors, tail: float) -> Columns:
    shape = shapes(candidates.box, candidates.size)
    z = np.abs(shape - priors.mean[candidates.label]) / priors.deviation[candidates.label]
    relative = candidates.box / np.tile(candidates.size, 2)
    margin = np.minimum(relative[:, :2], 1 - relative[:, 2:])
    return {
        "geometry::log_area": shape[:, 0],
        "geometry::log_aspect": shape[:, 1],
        "geometry::z_log_area": z[:, 0],
        "geometry::z_log_aspect": z[:, 1],
        "geometry::tail_log_area": np.maximum(0, z[:, 0] - tail),
        "geometry::tail_log_aspect": np.maximum(0, z[:, 1] - tail),
        "geometry::centre_x": (relative[:, 0] + relative[:, 2]) / 2,
        "geometry::centre_y": (relative[:, 1] + relative[:, 3]) / 2,
        "geometry::margin": margin.min(axis=1),
    }


def classes(candidates: Candidates, names: Sequence[str]) -> Columns:
    return {f"class::{name}": (candidates.label == place).astype(float) for place, name in enumerate(names)}


def scores(candidates: Candidates, raw: RawBoxes, sources: Sequence[str]) -> Columns:
    """Per source: mean (score) and highest (max) score in the cluster, 0 where it has no box there; has, count."""
    rows = len(candidates.image)
    counts = source_counts(raw.cluster, raw.source, rows, len(sources))
    highest = np.nan_to_num(source_maxima(raw.score, raw.cluster, raw.source, rows, len(sources)))
    cell = raw.cluster * len(sources) + raw.source
    total = np.bincount(cell, raw.score, minlength=rows * len(sources)).reshape(counts.shape)
    columns = {"score::candidate": candidates.score}
    for place, name in enumerate(sources):
        columns[f"score::{name}"] = total[:, place] / np.maximum(counts[:, place], 1)
        columns[f"max::{name}"] = highest[:, place]
        columns[f"has::{name}"] = (counts[:, place] > 0).astype(float)
        columns[f"count::{name}"] = counts[:, place].astype(float)
    return columns


def support(candidates: Candidates, raw: RawBoxes, sources: Sequence[str]) -> Columns:
    """The cluster: its size, scores, IoU of its boxes with the candidate's, shares of the sources, their entropy."""
    rows = len(candidates.image)
    counts = source_counts(raw.cluster, raw.source, rows, len(sources))
    members = counts.sum(axis=1)
    shares = counts / members[:, None]
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    overlap = paired_iou(raw.box, candidates.box[raw.cluster])
    columns = {
        "support::boxes": members.astype(float),
        "support::sources": (counts > 0).sum(axis=1).astype(float),
        "support::entropy": -(shares * logs).sum(axis=1),
    }
    for name, values in (("score", raw.score), ("iou", overlap)):
        mean = np.bincount(raw.cluster, values, minlength=rows) / members
        squares = np.bincount(raw.cluster, (values - mean[raw.cluster]) ** 2, minlength=rows)
        least, most = np.full(rows, np.inf), np.full(rows, -np.inf)
        np.minimum.at(least, raw.cluster, values)
        np.maximum.at(most, raw.cluster, values)
        columns |= {f"support::{name}_mean": mean, f"support::{name}_std": np.sqrt(squares / members)}
        columns |= {f"support::{name}_min": least, f"support::{name}_max": most}
    return columns | {f"support::share::{name}": shares[:, place] for place, name in enumerate(sources)}


def agreement(candidates: Candidates, raw: RawBoxes, sources: Sequence[str]) -> Columns:
    """Beyond the cluster: the highest IoU with a box of each source, and what other classes claim the place.

    Only boxes of other clusters count, so that what the candidate itself was made of adds nothing.
    """
    rows, stride = (
        len(candidates.image),
        int(max(candidates.label.max(initial=0), raw.label.max(initial=0))) + 1,
    )
    same = np.zeros((rows, len(sources)))
    other, rival = np.zeros(rows), np.zeros(rows)
    widest = np.zeros(int(max(candidates.image.max(initial=0), raw.image.max(initial=0))) + 1)
    np.maximum.at(widest, raw.image, raw.box[:, 2] - raw.box[:, 0])
    leftmost = candidates.box[:, 0] - widest[candidates.image]
    for i, j in pairs_within(candidates.image, leftmost, candidates.box[:, 2], raw.image, raw.box[:, 0]):
        overlap = paired_iou(candidates.box[i], raw.box[j])
        near = (overlap > 0) & (raw.cluster[j] != i)
        i, j, overlap = i[near], j[near], overlap[near]
        alike = candidates.label[i] == raw.label[j]
        np.maximum.at(same, (i[alike], raw.source[j[alike]]), overlap[alike])
        np.maximum.at(other, i[~alike], overlap[~alike])
        claims = ~alike & (overlap >= SAME_PLACE)
        np.maximum.at(rival, i[claims], raw.score[j[claims]])
    detected = source_overlap(
        candidates.box, candidates.image * stride + candidates.label,
        raw.box, raw.image * stride + raw.label, raw.source, len(sources),
    )  # fmt: skip
    return {
        **{f"agreement::iou::{name}": detected[:, place] for place, name in enumerate(sources)},
        **{f"agreement::beyond::{name}": same[:, place] for place, name in enumerate(sources)},
        "agreement::sources": (detected >= SAME_PLACE).sum(axis=1).astype(float),
        "agreement::other_class_iou": other,
        "agreement::other_class_score": rival,
    }


def neighbourhood(candidates: Candidates, raw: RawBoxes, sources: Sequence[str], radius: float) -> Columns:
    """Boxes whose centre lies within `radius` (in image widths and heights), the candidate's own cluster left out."""
    rows = len(candidates.image)
    centre = (candidates.box[:, :2] + candidates.box[:, 2:]) / 2 / candidates.size
    raw_centre = (raw.box[:, :2] + raw.box[:, 2:]) / 2 / raw.size
    count, alike, total, highest = (np.zeros(rows) for _ in range(4))
    per_source = np.zeros((rows, len(sources)))
    low, high = centre[:, 0] - radius, centre[:, 0] + radius
    for i, j in pairs_within(candidates.image, low, high, raw.image, raw_centre[:, 0]):
        apart = ((centre[i] - raw_centre[j]) ** 2).sum(axis=1)
        near = (apart <= radius**2) & (raw.cluster[j] != i)
        i, j = i[near], j[near]
        by_row = np.lexsort((j, i))  # the order in which scores are summed
        i, j = i[by_row], j[by_row]
        np.add.at(count, i, 1)
        np.add.at(alike, i, candidates.label[i] == raw.label[j])
        np.add.at(total, i, raw.score[j])
        np.maximum.at(highest, i, raw.score[j])
        np.add.at(per_source, (i, raw.source[j]), 1)
    return {
        "context::count": count,
        "context::same_class": alike,
        "context::score_mean": total / np.maximum(count, 1),
        "context::score_max": highest,
        **{f"context::count::{name}": per_source[:, place] for place, name in enumerate(sources)},
    }


def image_level(candidates: Candidates, raw: RawBoxes, sources: Sequence[str], images: int) -> Columns:
    """Boxes of the whole image, the candidate's own cluster left out, and how many candidates of its class beat it."""
    rows, count = len(candidates.image), len(sources)
    stride = int(max(candidates.label.max(initial=0), raw.label.max(initial=0))) + 1
    own = source_counts(raw.cluster, raw.source, rows, count)
    others = source_counts(raw.image, raw.source, images, count)[candidates.image] - own
    group = candidates.image * stride + candidates.label
    alike = np.bincount(raw.image * stride + raw.label, minlength=images * stride)[group] - own.sum(axis=1)
    total = np.bincount(raw.image, raw.score, minlength=images)[candidates.image]
    rest = others.sum(axis=1)
    scored = np.maximum(total - np.bincount(raw.cluster, raw.score, minlength=rows), 0)
    rank = _dense_rank(group, candidates.score)
    rising, ends = np.sort(rank), np.searchsorted(np.sort(group), group, side="right")
    better = ends - np.searchsorted(rising, rank, side="right")
    return {
        "image::count": rest.astype(float),
        "image::same_class": alike.astype(float),
        "image::score_mean": np.where(rest > 0, scored / np.maximum(rest, 1), 0.0),
        "image::better_of_class": better.astype(float),
        **{f"image::count::{name}": others[:, place].astype(float) for place, name in enumerate(sources)},
    }


def tiling(raw: RawBoxes, rows: int) -> Columns:
    """Tile of the candidate's first box (-1: none), how many of its boxes touch a tile's edge, how many tiles."""
    _, first = np.unique(raw.cluster, return_index=True)
    members = np.bincount(raw.cluster, minlength=rows)
    touching = np.bincount(raw.cluster, raw.touches_edge, minlength=rows)
    tiled = raw.tile >= 0
    seen = np.unique(np.stack([raw.cluster[tiled], raw.tile[tiled]], axis=1), axis=0)
    return {
        "tile::id": raw.tile[first].astype(float),
        "tile::touches_edge": touching / np.maximum(members, 1),
        "tile::tiles": np.bincount(seen[:, 0], minlength=rows).astype(float),
    }


def prompt_terms(prompts: Sequence[str], cluster: Index, rows: int, buckets: int) -> Columns:
    """How often the cluster's prompts use words of each hash bucket."""
    known, which = np.unique(np.asarray(prompts, dtype=str), return_inverse=True)
    used = np.zeros((len(known), buckets))
    for place, prompt in enumerate(known):
        np.add.at(used[place], _buckets(str(prompt), buckets), 1)
    counts = np.zeros((rows, buckets))
    np.add.at(counts, cluster, used[which])
    width = len(str(buckets - 1))
    return {f"prompt::{bucket:0{width}d}": counts[:, bucket] for bucket in range(buckets)}


def _buckets(prompt: str, buckets: int) -> list[int]:
    words = re.findall(r"\w+", prompt.lower())
    return [int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big") % buckets for word in words]


def _dense_rank(group: Index, score: Floats) -> Index:
    """One number per (group, score), in their order."""
    order = np.lexsort((score, group))
    changes = (np.diff(group[order]) != 0) | (np.diff(score[order]) != 0)
    rank = np.empty(len(group), np.int64)
    rank[order] = np.concatenate([[0], np.cumsum(changes)]) if len(group) else 0
    return rank
