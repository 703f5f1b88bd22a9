"""Train every head that the plan wants of one encoder, many side by side; resumes where it was killed."""

from pathlib import Path

import numpy as np

from methods.heads.plan import plan as sweep_plan
from methods.heads.specs import HeadSpec
from params.head_sweep import Train
from storage.files.documents import read_json
from storage.files.finished import Finished
from storage.heads.embeddings import read_embeddings
from storage.heads.sweeps import EncoderRuns, write_heads, write_logits, write_runs
from tasks.head_sweep.model.training import EncoderTraining


def main(
    params: Train, option: str, plan: Path, embeddings: Path, runs: Path, heads: Path, logits: Path
) -> None:
    seen = read_embeddings(embeddings)
    table = [entry for entry in read_json(plan)["planned"] if HeadSpec.parse(entry["id"]).encoder == option]
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
