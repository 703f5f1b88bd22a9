"""Run by test_heap under glibc's heap checks: some steps of every network that is trained or frozen here."""

import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import torch

from methods.audio.network import AcousticTraining, network_logits, train_network
from methods.experts.perceptron import PerceptronExpert, PerceptronSettings
from methods.heads.plan import plan
from methods.heads.specs import from_recipe
from methods.heads.sweep import chunks, head_data
from methods.heads.training import train_lanes
from methods.images.crop_pixels import Transform
from methods.images.random_network import RandomNetwork
from methods.lenses.batches import resident
from methods.lenses.masking import Phase
from methods.lenses.network import LEAST_WIDTH, StampNetwork
from methods.lenses.preprocessing import CHANNELS
from methods.lenses.training import LensTraining, logits, train
from methods.shortcuts.probe_models import core_network

RANDOM = np.random.default_rng(0)


def stamps() -> None:
    """At the least width and the ones above it, for each kind of input; batches of one remainder too."""
    positive = np.arange(35) % 2 == 0
    pixels = RANDOM.normal(size=(35, 3, 63, 63)).astype(np.float16)
    for kind in CHANNELS:
        data = resident(pixels, positive, kind, "cpu")
        for width in (LEAST_WIDTH, LEAST_WIDTH + 1, 2 * LEAST_WIDTH):
            training = LensTraining(width, "one_cycle", 0.01, 1e-4, 2, 8, None, False)

            def validate(network: StampNetwork, epoch: int) -> tuple[float, dict[str, float]]:
                return float(logits(network, data).sum()), {}  # noqa: B023

            train(data, (Phase(0, 7, 0.7),), training, 1, validate)


def audio() -> None:
    features = RANDOM.normal(size=(20, 32, 50)).astype(np.float32)
    for channels in (1, 3, 4, 8, 16):
        made = train_network(
            features, np.arange(20) % 2, AcousticTraining(channels, 2, 8, 1e-3, 1e-3, 0.1, 0.1, 0.1), 1
        )
        network_logits(made.weights, features)


def core_probe() -> None:
    images = RANDOM.normal(size=(70, 3, 63, 63))
    core_network(images, np.arange(70) % 2 == 0, images, 1)


def frozen_encoders() -> None:
    transform = Transform(32, 1.0, "squash", 1.0, "bicubic", (0.5,) * 3, (0.5,) * 3)
    for channels in (1, 3, 8, 24):
        RandomNetwork(transform, channels, 1).embed(RANDOM.integers(0, 255, (9, 32, 32, 3)).astype(np.uint8))


def heads() -> None:
    labels = np.concatenate([np.arange(5), RANDOM.integers(0, 5, 205)])
    split = np.where(np.arange(210) < 150, "train", "validation")
    data = head_data(RANDOM.normal(size=(210, 33)).astype(np.float32), labels, split, 5)
    recipes = ("bal-mix0p1", "bal-mix0p1-center-gelu-ln", "nat-mix0-sup128t0p07w1c", "nat-mix0p1-crt2bal")
    specs = [from_recipe("e", 37, 32, seed, f"{recipe}-ep3-pat2") for recipe in recipes for seed in (1, 2)]
    for chunk in chunks(plan(specs), 33, 5):
        train_lanes(chunk.trainings, chunk.forks, data)


def perceptron() -> None:
    features, positive = RANDOM.normal(size=(90, 13)).astype(np.float32), RANDOM.random(90) < 0.5
    settings = PerceptronSettings(5, 1e-2, 1e-3, 0.1, 16, 3, 2, 1)
    PerceptronExpert(features, positive, settings).fit(np.arange(60), np.arange(60, 90))


STEPS: tuple[Callable[[], None], ...] = (stamps, audio, core_probe, frozen_encoders, heads, perceptron)

if __name__ == "__main__":
    torch.set_num_threads(1)
    for steps in STEPS:
        steps()
        sys.stdout.write(f"{steps.__name__}\n")
