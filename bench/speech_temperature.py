"""How the acoustic model was set, and what more speakers are worth; both on simulated clips alone.

python -m bench.speech_temperature settings   dev AUC of a grid over fresh data seeds, 64 clips to train as in the
                                              real recordings: 12 speakers and 32 sounds. The rule: the highest
                                              mean, and of those within .005 of it the cheapest to train.
python -m bench.speech_temperature speakers   accuracy on 24 unseen speakers and 24 sounds after training on 64 clips
                                              of 1 to 16 speakers and as many sounds, with the setting of params.yaml
"""

import itertools
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from methods.audio.log_mel import log_mel
from methods.audio.network import AcousticTraining, network_logits, train_network
from params.block import read_block
from params.speech_temperature import Acoustic, Fit, Simulate
from simulators import speech_temperature as simulator
from storage.files.markdown import markdown_table
from storage.speech.audio import RATE, read_audio

Floats = NDArray[np.float32]
CHANNELS, EPOCHS, RATES = (8, 16), (30, 60), (1e-3, 3e-3)
SHIFT_AND_MASK = ((0.0, 0.0), (0.5, 0.1))
TIED = 0.005
SETTING_SEEDS, SPEAKER_SEEDS = range(9001, 9005), range(9101, 9107)


def main() -> None:
    torch.set_num_threads(1)
    backend = read_block(Path("params.yaml"), "speech_temperature.fit", Fit).backend
    if not isinstance(backend, Acoustic) or sys.argv[1:] not in (["settings"], ["speakers"]):
        raise SystemExit(__doc__)
    settings(backend) if sys.argv[1] == "settings" else speakers(backend)


def settings(backend: Acoustic) -> None:
    options: list[dict[str, Any]] = [
        {"channels": channels, "epochs": epochs, "learning_rate": rate, "shift": shift, "mask": mask}
        for channels, epochs, rate, (shift, mask) in itertools.product(
            CHANNELS, EPOCHS, RATES, SHIFT_AND_MASK
        )
    ]
    found = np.zeros((len(options), len(SETTING_SEEDS)))
    for column, seed in enumerate(SETTING_SEEDS):
        sizes = [3] * 8 + [2] * 4 + [3] * 12
        table, features = clips(seed, sizes, [1] * (32 + 36), backend)
        number, spoken = table["number"], table["label"] == "SPEECH"
        train = (number < np.where(spoken, 12, 32)).to_numpy()
        for row, option in enumerate(options):
            found[row, column] = trained(table, features, train, setting(backend, **option), seed)[1]
            print(f"seed {seed}  {option}  dev AUC {found[row, column]:.3f}", file=sys.stderr, flush=True)
    means = found.mean(axis=1)
    for row in np.argsort(-means):
        print(f"{means[row]:.3f}  sd over seeds {found[row].std(ddof=1):.3f}  {options[row]}")
    near = [row for row in range(len(options)) if means[row] > means.max() - TIED]
    chosen = min(near, key=lambda row: (options[row]["channels"], options[row]["epochs"], -means[row]))
    print(f"chosen by the rule: {options[chosen]}")


def speakers(backend: Acoustic) -> None:
    data, rows = {}, []
    for seed in SPEAKER_SEEDS:
        data[seed] = clips(seed, [32] + [16] * 3 + [8] * 4 + [4] * 8 + [2] * 24, None, backend)
    for count in (1, 2, 4, 8, 16):
        found = []
        for seed, (table, features) in data.items():
            # The first `count` of each kind give 32 / count clips each; the last 24 of each kind are the test.
            train = ((table["number"] < count) & (table["clip_number"] < 32 // count)).to_numpy()
            test = (table["number"] >= 16).to_numpy()
            assert train.sum() == 64
            found.append(trained(table, features, train, setting(backend), seed, test)[0])
        rows.append({
            "speakers": str(count), "accuracy": f"{np.mean(found):.3f}", "sd": f"{np.std(found, ddof=1):.3f}",
            "per data seed": ", ".join(f"{each:.3f}" for each in found),
        })  # fmt: skip
    print(markdown_table(pd.DataFrame(rows)))


def clips(
    seed: int, speakers: Sequence[int], sounds: Sequence[int] | None, backend: Acoustic
) -> tuple[pd.DataFrame, Floats]:
    params = Simulate(
        seed=seed, speakers=list(speakers), sounds=list(sounds or speakers), seconds=2.0, event_ms=[200, 1000],
        snr_db=[-5, 0, 5, 20], hard=0.5,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        simulator.main(params, Path(folder) / "data")
        table = pd.read_csv(Path(folder) / "data" / "manifest.csv")
        waves = [read_audio(Path(folder) / "data" / path) for path in table["path"]]
    frames = [log_mel(wave, RATE, backend.mels, int(backend.hop_ms * RATE / 1000)) for wave in waves]
    table["number"] = table["group"].str.rsplit("_", n=1).str[1].astype(int)
    table["clip_number"] = table["clip"].str.rsplit("_", n=1).str[1].astype(int)
    return table, np.stack(frames)


def setting(backend: Acoustic, **changes: Any) -> AcousticTraining:
    return AcousticTraining(
        **{**backend.model_dump(include=set(AcousticTraining.__dataclass_fields__)), **changes}
    )


def trained(
    table: pd.DataFrame, features: Floats, train: NDArray[np.bool_], training: AcousticTraining, seed: int,
    judged: NDArray[np.bool_] | None = None,
) -> tuple[float, float]:  # fmt: skip
    """(accuracy, AUC) on the judged rows, by default all that were not trained on."""
    labels: NDArray[np.int64] = np.where(table["label"] == "SPEECH", 0, 1)
    judged = ~train if judged is None else judged
    weights = train_network(features[train], labels[train], training, seed).weights
    logits = network_logits(weights, features[judged])
    margin = logits[:, 1] - logits[:, 0]
    return float(((margin > 0) == labels[judged]).mean()), float(roc_auc_score(labels[judged], margin))


if __name__ == "__main__":
    main()
