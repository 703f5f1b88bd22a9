"""The backend qwen2_audio: tune by LoRA on train, then the logits of its two answers for every clip."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from methods.audio.answer_model import Tuning, answer_tokens, answers, lora_targets, prompt_text, tune
from methods.training_place import Place
from params.speech_temperature import Qwen2Audio
from storage.files.arrays import read_arrays, write_arrays
from storage.files.documents import write_json
from storage.files.inputs import InputError
from storage.speech.audio import RATE
from storage.speech.language_models import load_audio_model, save_adapter, with_adapter

PLACE = "speech_temperature.fit.backend"


def answer_logits(
    backend: Qwen2Audio,
    table: pd.DataFrame,
    inputs: Path,
    seed: int,
    folder: Path,
    place: Place | None = None,
) -> NDArray[np.float64]:
    waves = read_arrays(inputs / "waves.npz")["waves"]
    train, labels = (table["split"] == "train").to_numpy(), table["label"].to_numpy(np.int64)
    model, processor = load_audio_model(backend.model, backend.four_bit)
    torch.manual_seed(seed)
    model = with_adapter(
        model, lora_targets(backend.add_mlp_targets), backend.rank, backend.alpha, backend.dropout
    )
    if torch.cuda.is_available() and not backend.four_bit:
        model = model.to("cuda")
    tuning = Tuning(backend.epochs, backend.batch, backend.accumulation, backend.learning_rate)
    try:
        tokens = answer_tokens(processor.tokenizer, backend.answers)
        text = prompt_text(processor, backend.prompt)
        losses = tune(model, processor, text, waves[train], labels[train], RATE, tokens, tuning, seed, place)
        found = answers(model, processor, text, waves, RATE, tokens, backend.batch)
    except ValueError as error:
        raise InputError(Path("params.yaml"), str(error), field=PLACE) from None
    except torch.OutOfMemoryError:
        raise InputError(
            Path("params.yaml"),
            "out of memory: lower batch and raise accumulation by as much, set four_bit: true, and run the seeds one "
            "after the other (jobs: 1)",
            field=PLACE,
        ) from None
    sys.stdout.write(f"seed {seed}: loss {losses[0]:.3f} -> {losses[-1]:.3f}\n")
    save_adapter(model, folder / "adapter")
    write_json(
        folder / "training.json", {"losses": [float(f"{loss:.6g}") for loss in losses], "prompt": text}
    )
    write_arrays(folder / "answer_mass.npz", {"mass": found.mass})
    return found.logits
