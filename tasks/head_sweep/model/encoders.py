"""The registry of encoders: from an entry of params.yaml to what embeds crops, and the card that says what did."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from methods.images.crop_pixels import Transform
from methods.images.hog_colour import HogColour
from methods.images.pretrained_encoder import ARCHITECTURES, PretrainedEncoder
from methods.images.random_network import RandomNetwork
from params import encoders as declared
from storage.files.inputs import InputError
from storage.heads.embeddings import Card
from storage.heads.vision_models import check_weights, load_vision_model

Embed = Callable[[NDArray[np.uint8]], NDArray[np.float32]]

UNIT = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
CENTRED = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@dataclass(frozen=True)
class EncoderSetup:
    """load: reads weights and builds the network, only where there is something left to embed."""

    card: Card
    transform: Transform
    load: Callable[[], Embed]


def prepare_encoder(params: declared.PixelEncoder) -> EncoderSetup:
    match params:
        case declared.HogColourEncoder():
            transform = Transform(params.size, params.context, "squash", 1.0, "bilinear", *UNIT)
            encoder = HogColour(params.cell, params.orientations, params.colour_bins)
            name = f"hog {params.cell} px x {params.orientations}, colour {params.colour_bins} bins"
            return EncoderSetup(_card(name, "none", transform), transform, lambda: encoder.embed)
        case declared.RandomNetworkEncoder():
            transform = Transform(params.size, params.context, "squash", 1.0, "bilinear", *CENTRED)
            network = RandomNetwork(transform, params.channels, params.seed)
            name = f"random network of {params.channels} channels, seed {params.seed}"
            return EncoderSetup(_card(name, "grid_mean", transform), transform, lambda: network.embed)
        case declared.TimmEncoder():
            return _timm(params)


def _timm(params: declared.TimmEncoder) -> EncoderSetup:
    if params.model not in ARCHITECTURES:
        raise InputError(
            Path("params.yaml"), f"unknown model {params.model!r}; expected one of {', '.join(ARCHITECTURES)}",
            field="head_sweep.embed.encoders",
        )  # fmt: skip
    architecture, weights = ARCHITECTURES[params.model], Path(params.weights)
    check_weights(params.model, weights, params.sha256)
    transform = architecture.transform(params.fit, params.context)

    def load() -> Embed:
        model = load_vision_model(params.model, weights, dict(architecture.changes), params.device)
        return PretrainedEncoder(model, transform, params.pooling, params.device).embed

    return EncoderSetup(
        _card(f"{params.model} sha256:{params.sha256}", params.pooling, transform), transform, load
    )


def _card(model: str, pooling: str, transform: Transform) -> Card:
    return Card(model, pooling, transform.digest, {"mean": list(transform.mean), "std": list(transform.std)})
