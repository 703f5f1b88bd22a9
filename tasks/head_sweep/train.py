"""Train every head that the plan wants of one encoder, many side by side; resumes where it was killed.

An encoder that params.yaml does not name leaves a status.
"""

import sys
from pathlib import Path

import numpy as np

from methods.heads.plan import plan as sweep_plan
from methods.heads.specs import HeadSpec
from params.head_sweep import Train
from storage.files.documents import read_json, write_json
from storage.files.finished import Finished
from storage.files.inputs import InputError
from storage.heads.embeddings import STATUS, is_available, read_embeddings
from storage.heads.sweeps import EncoderRuns, write_heads, write_logits, write_runs
from tasks.head_sweep.model.training import EncoderTraining


def main(
    params: Train | None, option: str, plan: Path, embeddings: Path, runs: Path, heads: Path, logits: Path
) -> None:
    table = [entry for entry in read_json(plan)["planned"] if HeadSpec.parse(entry["id"]).encoder == option]
    if params is None or not is_available(embeddings):
        _write_status(option, bool(table), runs, heads, logits)
        return
    seen = read_embeddings(embeddings)
    specs = [HeadSpec.parse(entry["id"]) for entry in table]
    planned = sweep_plan(specs)
    inputs = [embeddings.with_suffix(suffix) for suffix in (".safetensors", ".json")]
    facts = {**params.model_dump(), "runs": [spec.id for spec in specs]}
    finished = Finished(f"head_sweep_train@{option}", inputs, facts)
    training = EncoderTraining(seen, embeddings, params.device)
    states = training.states(planned, finished)
    read = planned.states  # first phases that no run reads are left out
    shared = {"mean": training.data.mean, "spread": training.data.spread}
    write_heads(heads, {state.id: states[state]["parameters"] for state in read}, shared)
    write_logits(logits, {state.id: states[state]["logits"] for state in read})
    run_facts = [
        training.facts(spec, entry, states[spec.state]) for spec, entry in zip(specs, table, strict=True)
    ]
    counts = np.bincount(training.data.train_labels, minlength=len(seen.classes)).tolist()
    write_runs(
        runs,
        EncoderRuns(
            option,
            seen.dataset,
            seen.classes,
            len(seen.foreground),
            seen.values.shape[1],
            counts,
            run_facts,
            {},
        ),
    )
    finished.forget()


def _write_status(option: str, planned: bool, runs: Path, heads: Path, logits: Path) -> None:
    """InputError where the plan wants runs of an encoder that there is not."""
    if planned:
        raise InputError(
            Path("params.yaml"),
            f"head_sweep.plan has runs of {option!r}, which head_sweep.embed.encoders does not name; add it, or leave "
            "its runs out",
            field="head_sweep.embed.encoders",
        )
    sys.stdout.write(f"{option}: {STATUS['status']}\n")
    write_json(runs, STATUS)
    write_heads(heads, {}, {})
    write_logits(logits, {})
