"""Is a recipe ahead because it learns faster? `python -m bench.head_convergence [share ...]`

Linear heads on the raw and on the standardised columns of simulated embeddings (seed 101): nearly one model, which on raw
columns takes far more steps. *epochs*: at which three seeds ended. *50*: the limit before. *share*: of the best epoch that a
training goes on without a better validation loss, where that is more than six epochs (`methods.heads.training.SLOW`).
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from methods.heads import training
from methods.heads.specs import HeadSpec
from methods.heads.sweep import train_heads
from methods.statistics.streams import stream
from params.block import read_block
from params.simulated_crops import Simulate
from simulators import head_sweep
from storage.files.markdown import markdown_table
from storage.heads.embeddings import BACKGROUND, EmbeddingTable, read_embedding_table

SEED, SEEDS = 101, (1, 2, 3)
RULES = ((50, 0.0), (2000, 0.0), (2000, 0.1), (2000, training.SLOW))
COLUMNS = {"raw": "", "standardised": "-center"}


def embeddings() -> EmbeddingTable:
    stated = read_block(Path("params.yaml"), "head_sweep.simulate", Simulate).model_dump()
    with tempfile.TemporaryDirectory() as folder:
        head_sweep.main(Simulate.model_validate({**stated, "seed": SEED}), Path(folder) / "data")
        return read_embedding_table(Path(folder) / "data" / "simulated" / "narrow.safetensors")


def rows(seen: EmbeddingTable, rules: tuple[tuple[int, float], ...]) -> Iterator[dict[str, str]]:
    names = sorted(set(seen.labels) - {BACKGROUND})
    place = {name: number for number, name in enumerate([*names, BACKGROUND])}
    label, groups = np.array([place[each] for each in seen.labels]), np.array(seen.groups)
    _, member = np.unique(groups, return_inverse=True)
    parts = np.array(["train", "train", "train", "validation", "test"])
    split = parts[stream(SEED, "split").integers(len(parts), size=member.max() + 1)[member]]
    for limit, share in rules:
        training.SLOW = share
        for columns, token in COLUMNS.items():
            specs = [
                HeadSpec.parse(f"e__linearb64__bal-mix0p1-ls0{token}-ep{limit}__s{seed}") for seed in SEEDS
            ]
            started = time.process_time()
            heads = train_heads(seen.values, label, groups, specs, split=split, foreground=len(names))
            seconds = time.process_time() - started
            metrics = [head.metrics for head in heads if head.metrics]
            yield {
                "limit": str(limit), "share": f"{share:g}", "columns": columns,
                "epochs": ", ".join(str(head.epochs) for head in heads),
                "macro F1, validation": f"{np.mean([each.macro_f1_fg for each in metrics]):.3f}",
                "NLL": f"{np.mean([each.nll for each in metrics]):.3f}", "CPU s": f"{seconds:.1f}",
            }  # fmt: skip


def main(shares: list[float]) -> None:
    rules = tuple((2000, share) for share in shares) or RULES
    sys.stdout.write(markdown_table(pd.DataFrame(list(rows(embeddings(), rules)))) + "\n")


if __name__ == "__main__":
    main([float(each) for each in sys.argv[1:]])
