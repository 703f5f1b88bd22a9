"""Simulated detections: sources that miss the same hard objects, look-alikes they share, crops that tell a little."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from statistics import NormalDist
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from methods.detection.matching import area, paired_iou
from methods.statistics.streams import stream
from params.simulated_detections import Simulate, SimulatedSource
from storage.detections.coco_text import results_text, truth_text, xywh
from storage.files.arrays import write_arrays
from storage.files.atomic import complete_folder
from storage.files.documents import write_json, write_text

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Flags = NDArray[np.bool_]

Rows = TypeVar("Rows", "Things", "RawCandidates")
SIDE = 105.0  # pixels, of the middling object
HARDER = 0.6  # log of how much worse a box is per unit of difficulty
CROWD_MEMBERS = 4
PROMPTS = ("{}", "small {}", "a photo of a {}", "{} in the background", "part of a {}")


@dataclass(frozen=True)
class Things:
    """What can be detected: real objects, members of a crowd (real, no ground truth of their own), look-alikes."""

    image: Index
    label: Index
    box: Floats
    difficulty: Floats
    real: Flags


@dataclass(frozen=True)
class RawCandidates:
    """What one source reports. good: box and class are right; content: the class seen, -1 background."""

    image: Index
    label: Index
    box: Floats
    score: Floats
    prompt: Index
    tile: Index
    touches_edge: Flags
    good: Flags
    content: Index
    quality: Floats


def main(params: Simulate, data: Path) -> None:
    world = World(params)
    with complete_folder(data) as folder:
        write_text(folder / "ground_truth.json", world.ground_truth())
        write_json(folder / "splits.json", world.splits())
        for variant in ("nonwindow", "window"):
            for name in params.sources:
                raw = world.candidates(variant, name)
                write_text(folder / variant / f"{name}.json", world.results(raw, params.sources[name]))
                write_arrays(folder / variant / f"{name}.npz", world.crops(raw, f"{variant} {name}"))
        write_json(folder / "manifest.json", manifest(params))


def manifest(params: Simulate) -> dict[str, object]:
    """What made this data: compared with params.yaml and this file before anything is run on it."""
    return {
        "simulator": "hybrid_calibrator",
        "params": params.model_dump(mode="json"),
        "code": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
    }


class World:
    """The images and what is in them; one counter-based random stream per purpose."""

    def __init__(self, params: Simulate) -> None:
        self.params = params
        self.classes = list(params.classes)
        sizes = params.images
        self.images = sizes.train + sizes.tune + sizes.report
        random = stream(self.params.seed, "objects")
        shares = np.array(list(params.classes.values()))
        self.shares = shares / shares.sum()
        self.aspects = random.normal(0, 0.35, len(self.classes))
        peopled = random.random(self.images) >= params.empty_images
        counts = random.poisson(params.objects, self.images) * peopled
        self.objects = self._place(np.repeat(np.arange(self.images), counts), random, real=True)
        counts = random.poisson(params.lookalikes, self.images)
        self.lookalikes = self._place(np.repeat(np.arange(self.images), counts), random, real=False)
        crowded = np.flatnonzero(random.random(self.images) < params.crowds)
        self.crowds, self.members = self._crowds(crowded, random)

    def ground_truth(self) -> str:
        things = _joined(self.objects, self.crowds)
        crowd = np.arange(len(things.image)) >= len(self.objects.image)
        return truth_text(
            self.images, self.params.image_size, self.classes, things.image, things.label, things.box, crowd
        )

    def splits(self) -> dict[str, list[int]]:
        order, sizes = stream(self.params.seed, "splits").permutation(self.images) + 1, self.params.images
        parts = np.split(order, [sizes.train, sizes.train + sizes.tune])
        names = ("train", "tune", "report")
        return {name: sorted(part.tolist()) for name, part in zip(names, parts, strict=True)}

    def candidates(self, variant: str, name: str) -> RawCandidates:
        """What one source reports, by image, the best first."""
        source, random = self.params.sources[name], stream(self.params.seed, f"{variant} {name}")
        things = _joined(self.objects, self.members, self.lookalikes)
        # The same luck in both variants: what a source misses, it mostly misses in the tile, too.
        luck = stream(self.params.seed, f"luck {name}").normal(size=len(things.image))
        seen = [self._background(source, variant, random)]
        for number, tile in enumerate(self._tiles(variant)):
            seen += self._look(source, things, luck, tile, number, variant == "window", random)
        raw = _joined(*seen)
        order = np.lexsort((-raw.score, raw.image))
        return RawCandidates(**{field.name: getattr(raw, field.name)[order] for field in fields(raw)})

    def results(self, raw: RawCandidates, source: SimulatedSource) -> str:
        rows = []
        for number in range(len(raw.image)):
            label = int(raw.label[number])
            row: dict[str, object] = {
                "id": number,
                "image_id": int(raw.image[number]) + 1,
                "category_id": label + 1,
                "bbox": xywh(raw.box[number]),
            }
            if source.scored:
                row["score"] = round(float(raw.score[number]), 4)
            if source.prompted:
                row["prompt"] = PROMPTS[raw.prompt[number]].format(self.classes[label])
            if raw.tile[number] >= 0:
                row |= {"tile": int(raw.tile[number]), "touches_edge": bool(raw.touches_edge[number])}
            rows.append(row)
        return results_text(rows)

    def crops(self, raw: RawCandidates, purpose: str) -> dict[str, NDArray[np.generic]]:
        """Embedding and class probabilities of each candidate's crop."""
        random, fixed = stream(self.params.seed, f"{purpose} crops"), stream(self.params.seed, "directions")
        signal = self.params.signal
        size, count = self.params.embedding, len(self.classes)
        directions = [fixed.normal(size=(rows, size)) for rows in (1, count + 1, count, 16)]
        diffuse, content, turns, nuisance = (
            (each / np.linalg.norm(each, axis=1, keepdims=True)).astype(np.float32) for each in directions
        )
        images = fixed.normal(size=(self.images, 16)).astype(np.float32) @ nuisance
        clarity = (1 - signal.crop_quality * (1 - raw.quality)).astype(np.float32)
        side = np.where(raw.good, clarity, -clarity)[:, None]
        embedding = random.standard_normal((len(raw.image), size), np.float32)
        embedding[:, :3] += signal.concentrated * side
        embedding += signal.diffuse * side * diffuse
        embedding += signal.interaction * side * (turns - turns.mean(0))[raw.label]
        embedding += signal.content * clarity[:, None] * content[raw.content]
        embedding += signal.image_nuisance * images[raw.image]
        logits = random.normal(size=(len(raw.image), count))
        sees = np.flatnonzero(raw.content >= 0)
        logits[sees, raw.content[sees]] += signal.content * clarity[sees]
        odds = np.exp(logits)
        return {
            "ids": np.arange(len(raw.image)),
            "embeddings": embedding.astype(np.float16),
            "probabilities": (odds / odds.sum(1, keepdims=True)).astype(np.float16),
            "classes": np.array(self.classes),
        }

    def _place(self, image: Index, random: np.random.Generator, real: bool) -> Things:
        """Harder things are smaller."""
        width, height = self.params.image_size
        label = random.choice(len(self.shares), len(image), p=self.shares)
        difficulty = random.normal(size=len(image))
        side = np.exp(np.log(SIDE) - 0.3 * difficulty + random.normal(0, 0.4, len(image)))
        aspect = np.exp((self.aspects[label] + random.normal(0, 0.2, len(image))) / 2)
        wide, high = np.clip(side * aspect, 12, width * 0.8), np.clip(side / aspect, 12, height * 0.8)
        left, top = random.uniform(0, width - wide), random.uniform(0, height - high)
        box = np.round(np.stack([left, top, left + wide, top + high], 1), 2)
        return Things(image, label, box, difficulty, np.full(len(image), real))

    def _crowds(self, image: Index, random: np.random.Generator) -> tuple[Things, Things]:
        """A region of one class per image, and small objects inside that have no box of their own."""
        frame = np.array(self.params.image_size)
        crowds = self._place(image, random, real=True)
        corner = random.uniform(0, 0.7, (len(image), 2)) * frame
        region = np.round(np.hstack([corner, corner + frame * 0.28]), 2)
        members = self._place(np.repeat(image, CROWD_MEMBERS), random, real=True)
        inside = random.uniform(0, 0.16, (len(members.image), 2)) * frame
        start = np.repeat(corner, CROWD_MEMBERS, axis=0) + inside
        members = replace(members, label=np.repeat(crowds.label, CROWD_MEMBERS))
        return replace(crowds, box=region), replace(members, box=np.hstack([start, start + frame * 0.11]))

    def _tiles(self, variant: str) -> Iterator[Floats]:
        width, height = self.params.image_size
        if variant == "nonwindow":
            yield np.array([0.0, 0.0, width, height])
            return
        size, step = self.params.tiles.size, self.params.tiles.size - self.params.tiles.overlap
        for top in range(0, max(height - self.params.tiles.overlap, 1), step):
            for left in range(0, max(width - self.params.tiles.overlap, 1), step):
                yield np.array([left, top, min(left + size, width), min(top + size, height)], np.float64)

    def _look(
        self, source: SimulatedSource, things: Things, luck: Floats, tile: Floats, number: int, tiled: bool,
        random: np.random.Generator,
    ) -> list[RawCandidates]:  # fmt: skip
        """What a source finds in one tile: a thing's visible part, and sometimes a second box for it."""
        params, common = self.params, self.params.common_difficulty
        low, high = np.maximum(things.box[:, :2], tile[:2]), np.minimum(things.box[:, 2:], tile[2:])
        visible = np.hstack([low, high])
        extent = np.maximum(high - low, 0)
        share = extent.prod(1) / area(things.box)
        fooled = NormalDist().inv_cdf(np.clip(source.lookalikes, 1e-9, 1 - 1e-9))
        chance = np.where(things.real, source.reach, fooled)
        if tiled:  # a tile is seen larger: small things are easier, cut ones harder
            size = np.sqrt(area(things.box))
            chance = chance + 0.25 * np.log(SIDE / size) - 1.5 * (1 - share)
        eased = chance - np.sqrt(common) * things.difficulty + np.sqrt(1 - common) * luck
        sees = np.flatnonzero((eased > 0) & (share >= params.tiles.least_visible))
        again = sees[random.random(len(sees)) < source.duplicates]
        raw = []
        for which, worse in ((sees, 1.0), (again, 1.6)):
            spread = params.localisation * source.spread * worse * np.exp(HARDER * things.difficulty[which])
            tails = np.sqrt(random.chisquare(params.tails, len(which)) / params.tails)
            error = random.normal(size=(len(which), 4)) * (spread / tails)[:, None]
            box = visible[which] + error * np.tile(extent[which], 2)
            wrong = random.random(len(which)) < source.wrong_class * np.exp(things.difficulty[which])
            other = random.integers(1, len(self.classes), len(which))
            label = np.where(wrong, (things.label[which] + other) % len(self.classes), things.label[which])
            box, keep = _within(box, tile)
            which, label, wrong = which[keep], label[keep], wrong[keep]
            overlap = paired_iou(box, things.box[which])
            evidence = np.where(things.real[which] & ~wrong, 1 + 2.5 * (overlap - 0.75), -0.5)
            evidence -= 0.4 * things.difficulty[which] + 0.8 * (worse > 1)
            tiles = np.full(len(which), number if tiled else -1)
            cut = np.asarray((np.abs(box - tile) < 2).any(1) & tiled)
            raw.append(self._candidates(
                source, things.image[which], label, box, evidence, tiles, cut, random,
                good=things.real[which] & ~wrong & (overlap >= 0.5), content=things.label[which], overlap=overlap,
            ))  # fmt: skip
        return raw

    def _background(
        self, source: SimulatedSource, variant: str, random: np.random.Generator
    ) -> RawCandidates:
        """False positives of this source alone."""
        tiled = variant == "window"
        tiles = list(self._tiles(variant))
        image = np.repeat(np.arange(self.images), random.poisson(source.background, self.images))
        things = self._place(image, random, real=False)
        number = random.integers(len(tiles), size=len(image)) if tiled else np.full(len(image), -1)
        frame = np.stack(tiles)[number]
        start = frame[:, :2] + random.random((len(image), 2)) * (frame[:, 2:] - frame[:, :2] - 12)
        box = np.hstack([start, np.minimum(start + things.box[:, 2:] - things.box[:, :2], frame[:, 2:])])
        none = np.full(len(image), -1)
        cut = np.asarray((np.abs(box - frame) < 2).any(1) & tiled)
        return self._candidates(
            source, image, things.label, box, np.full(len(image), -1.3), number, cut, random,
            good=none == 0, content=none, overlap=random.random(len(image)),
        )  # fmt: skip

    def _candidates(
        self, source: SimulatedSource, image: Index, label: Index, box: Floats, evidence: Floats, tile: Index,
        cut: Flags, random: np.random.Generator, *, good: Flags, content: Index, overlap: Floats,
    ) -> RawCandidates:  # fmt: skip
        logit = -0.2 + source.informative * evidence + random.normal(0, 0.7, len(image))
        # Prompts that ask for parts and backgrounds bring more false positives.
        prompt = np.minimum(random.poisson(np.where(good, 0.9, 1.6)), len(PROMPTS) - 1)
        size = np.clip(np.log(area(box) / 400) / 5, 0, 1)
        seen, quality = 1 / (1 + np.exp(-logit)), (size + overlap) / 2
        return RawCandidates(image, label, box, seen, prompt, tile, cut, good, content, quality)


def _joined(*parts: Rows) -> Rows:
    names = [field.name for field in fields(parts[0])]
    return type(parts[0])(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def _within(box: Floats, frame: Floats) -> tuple[Floats, Flags]:
    """Boxes cut to the frame, and which are more than a sliver; the others are left out."""
    cut = np.hstack([np.maximum(box[:, :2], frame[:2]), np.minimum(box[:, 2:], frame[2:])])
    keep = (cut[:, 2:] - cut[:, :2] >= 4).all(1)
    return cut[keep], keep
