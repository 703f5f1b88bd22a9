"""Simulated crops of a long tail as several encoders see them, and scenes of real digits to cut crops from."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from methods.statistics.streams import stream
from params.simulated_crops import Digits, Simulate, SimulatedEncoder
from storage.files.atomic import complete_folder
from storage.files.documents import write_json
from storage.heads.embeddings import BACKGROUND, Card, EmbeddingTable, write_embedding_table
from storage.heads.pictures import write_picture

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Random = np.random.Generator

LATENT = 16  # directions in which crops differ at all
SHARED = 3  # of these, directions in which whole images differ
APART = 5.5  # length of the mean of a class's looks, against a spread of 1 within a look
LIKENESS = 0.6  # cosine of the means of a frequent class and of the rare one that is taken for it
TEXTURES = 7  # kinds of background
SCENE, GLYPH, GRID = 132, 8, 3  # sides of a scene and a digit in pixels; digits stand in GRID x GRID places
SCALES = (3, 4)  # how much larger a digit is drawn


@dataclass(frozen=True)
class World:
    """Crops, background last: image and true class (-1: background) of each, the label it was given, what it shows."""

    image: Index
    truth: Index
    label: Index
    content: Floats


def main(params: Simulate, data: Path) -> None:
    world = _world(params)
    with complete_folder(data) as folder:
        for name, encoder in params.encoders.items():
            write_embedding_table(
                folder / "simulated" / f"{name}.safetensors", _seen(params, world, name, encoder)
            )
        write_json(folder / "truth.json", _known(params, world))
        _write_scenes(folder / "digits", params.digits, stream(params.seed, "digits"))
        write_json(folder / "manifest.json", manifest(params))


def manifest(params: Simulate) -> dict[str, object]:
    """What made this data: compared with params.yaml and this file before anything is run on it."""
    return {
        "simulator": "head_sweep",
        "params": params.model_dump(mode="json"),
        "code": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
    }


def class_counts(rows: int, classes: int, tail: float) -> list[int]:
    """Rows of each class, in geometric steps from the most frequent to one `tail` times rarer; they sum to `rows`."""
    shares = tail ** (-np.arange(classes) / (classes - 1))
    counts = np.maximum(np.floor(rows * shares / shares.sum()).astype(int), 2)
    counts[0] += rows - counts.sum()
    return [int(count) for count in counts]


def _world(params: Simulate) -> World:
    random = stream(params.seed, "world")
    truth = np.repeat(np.arange(params.classes), class_counts(params.foreground, params.classes, params.tail))
    looks = _looks(params, stream(params.seed, "looks"))
    view = random.integers(params.views, size=len(truth))
    textures = random.normal(0, 1.6, (TEXTURES, LATENT))
    kind = random.integers(TEXTURES, size=params.background)
    content = np.concatenate([looks[truth, view], textures[kind]])
    content += random.normal(size=content.shape)
    image = random.integers(params.images, size=len(content))
    # What all crops of an image share (light, focus): it moves them together in a few directions.
    moved = random.normal(size=(params.images, SHARED)) @ random.normal(size=(SHARED, LATENT))
    content += params.nuisance * moved[image] / np.sqrt(SHARED)
    noisy = stream(params.seed, "label noise")
    wrong = noisy.random(len(truth)) < params.label_noise
    # Annotators slip towards what they see often: evenly spread, errors would outnumber the rarest class.
    other = truth[noisy.integers(len(truth), size=len(truth))]
    background = np.full(params.background, -1)
    return World(
        image,
        np.concatenate([truth, background]),
        np.concatenate([np.where(wrong, other, truth), background]),
        content,
    )


def _looks(params: Simulate, random: Random) -> Floats:
    """(classes, views, LATENT) means. Class c and class c + classes / 2 look alike, a frequent and a rare one."""
    means = random.normal(size=(params.classes, params.views, LATENT))
    half = params.classes // 2
    alike = LIKENESS * means[:half] + np.sqrt(1 - LIKENESS**2) * means[half : 2 * half]
    means[half : 2 * half] = alike
    return np.asarray(APART * means / np.linalg.norm(means, axis=2, keepdims=True))


def _seen(params: Simulate, world: World, name: str, encoder: SimulatedEncoder) -> EmbeddingTable:
    random = stream(params.seed, f"encoder {name}")
    size = encoder.dimension
    values = encoder.quality * world.content @ random.normal(size=(LATENT, size)) / np.sqrt(LATENT)
    values += random.normal(size=values.shape)
    values *= np.exp(random.normal(0, encoder.spread, size))
    direction = random.normal(size=size)
    values += encoder.offset * direction * np.sqrt(size) / np.linalg.norm(direction)
    order = stream(params.seed, "order").permutation(len(values))
    names = [*_class_names(params), BACKGROUND]
    return EmbeddingTable(
        ids=[f"crop_{number:05d}" for number in range(len(values))],
        groups=[f"image_{number:04d}" for number in world.image[order]],
        labels=[names[number] for number in world.label[order]],
        values=values[order].astype(np.float32),
        card=Card(f"simulated {name}", "none", "none", {}),
    )


def _known(params: Simulate, world: World) -> Mapping[str, object]:
    """What the simulation knows: true classes where the label is another, and which knob has something to gain."""
    order = stream(params.seed, "order").permutation(len(world.truth))
    names = _class_names(params)
    changed = np.flatnonzero((world.truth != world.label)[order])
    return {
        "mislabelled": {f"crop_{row:05d}": names[world.truth[order][row]] for row in changed},
        "classes": dict(
            zip(names, class_counts(params.foreground, params.classes, params.tail), strict=True)
        ),
        "can_gain": {  # and by what it has to show
            "class weights, logit adjustment": "macro recall" if params.tail > 1 else None,
            "center_std": "all metrics" if _uneven(params) else None,
            "label smoothing": "NLL" if params.label_noise > 0 else None,
            "a hidden layer": "all metrics" if params.views > 1 else None,
            "calib": "ECE and NLL, no argmax",
        },
    }


def _uneven(params: Simulate) -> bool:
    return any(each.offset > 0 or each.spread > 0 for each in params.encoders.values())


def _class_names(params: Simulate) -> list[str]:
    """Most frequent first."""
    return [f"class_{number:02d}" for number in range(params.classes)]


def _write_scenes(folder: Path, params: Digits, random: Random) -> None:
    """Scenes with a few digits each, and their boxes as COCO writes them."""
    digits = load_digits()
    glyphs, numbers = digits.images / 16.0, digits.target
    order = random.permutation(len(glyphs))[: params.images * params.per_image]
    images: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []
    for scene in range(params.images):
        picture = _canvas(random)
        places = random.permutation(GRID * GRID)[: params.per_image]
        mine = order[scene * params.per_image : (scene + 1) * params.per_image]
        for place, glyph in zip(places[: len(mine)], mine, strict=True):
            box = _draw(picture, glyphs[glyph], int(place), random)
            annotations.append(
                {
                    "id": len(annotations) + 1, "image_id": scene + 1, "category_id": int(numbers[glyph]) + 1,
                    "bbox": box, "area": box[2] * box[3], "iscrowd": 0,
                }
            )  # fmt: skip
        name = f"scene_{scene + 1:04d}.png"
        write_picture(folder / "images" / name, np.round(picture * 255).astype(np.uint8))
        images.append({"id": scene + 1, "file_name": name, "width": SCENE, "height": SCENE})
    categories = [{"id": number + 1, "name": f"digit_{number}"} for number in range(10)]
    write_json(
        folder / "boxes.json", {"images": images, "categories": categories, "annotations": annotations}
    )


def _canvas(random: Random) -> Floats:
    """A plain ground with a slope of light and a few strokes that are no digits, in steps so that PNG stays small."""
    across, down = np.meshgrid(np.linspace(-1, 1, SCENE), np.linspace(-1, 1, SCENE))
    light = random.uniform(-0.08, 0.08, 2)
    ground = random.uniform(0.05, 0.35, 3) + (light[0] * across + light[1] * down)[..., None]
    for _ in range(int(random.integers(2, 6))):
        x, y = random.uniform(-1, 1, 2)
        angle, width = random.uniform(0, np.pi), random.uniform(0.01, 0.04)
        along = (across - x) * np.cos(angle) + (down - y) * np.sin(angle)
        beside = (across - x) * np.sin(angle) - (down - y) * np.cos(angle)
        ground[(np.abs(beside) < width) & (np.abs(along) < 0.3)] += random.uniform(0.1, 0.3)
    return np.asarray(np.round(np.clip(ground, 0, 1) * 64) / 64)


def _draw(picture: Floats, glyph: Floats, place: int, random: Random) -> list[int]:
    """Ink one digit into its place; x, y, width, height of its box."""
    scale, cell = int(random.choice(SCALES)), SCENE // GRID
    ink = np.kron(glyph, np.ones((scale, scale)))
    side, corner = GLYPH * scale, np.array([place % GRID, place // GRID]) * cell
    x, y = (corner + random.integers(0, cell - side + 1, 2)).tolist()
    colour = random.uniform(0.6, 1.0, 3)
    part = picture[y : y + side, x : x + side]
    part += ink[..., None] * (colour - part)
    return [x, y, side, side]
