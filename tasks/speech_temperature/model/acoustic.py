"""The small network of log-mel features that stands in for a fine-tuned audio model, and the baseline beside it."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.audio.log_mel import log_mel, time_statistics
from methods.audio.network import AcousticTraining, logistic_logits, network_logits, train_network
from methods.training_place import Place
from params.speech_temperature import Acoustic
from storage.files.arrays import read_arrays
from storage.files.documents import write_json
from storage.files.tensors import write_tensors
from storage.speech.audio import RATE


def acoustic_logits(
    backend: Acoustic, table: pd.DataFrame, inputs: Path, seed: int, folder: Path, place: Place
) -> dict[str, NDArray[np.float64]]:
    """(clips, 2) of each model: the seed's network, which is left in `folder`, and the baseline. table: of the clips."""
    waves = read_arrays(inputs / "waves.npz")["waves"]
    hop = int(backend.hop_ms * RATE / 1000)
    features = np.stack([log_mel(wave, RATE, backend.mels, hop) for wave in waves])
    train, labels = (table["split"] == "train").to_numpy(), table["label"].to_numpy(np.int64)
    training = AcousticTraining(**backend.model_dump(include=set(AcousticTraining.__dataclass_fields__)))
    trained = train_network(features[train], labels[train], training, seed, place)
    sys.stdout.write(f"seed {seed}: loss {trained.losses[0]:.3f} -> {trained.losses[-1]:.3f}\n")
    write_tensors(
        folder / "network.safetensors", {name: value.numpy() for name, value in trained.weights.items()}
    )
    write_json(folder / "training.json", {"losses": [float(f"{loss:.6g}") for loss in trained.losses]})
    columns = time_statistics(features)
    return {
        "seed": network_logits(trained.weights, features),
        "baseline": logistic_logits(columns[train], labels[train], columns, backend.baseline_regularisation),
    }
