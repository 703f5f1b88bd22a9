"""Train the model of one seed on train and write its logits for every split; nothing here is divided by anything."""

import sys
from functools import partial
from pathlib import Path

from methods.training_place import Place
from params.speech_temperature import Acoustic, Fit, Qwen2Audio, UserModel
from storage.files.atomic import complete_folder
from storage.files.documents import read_json, write_json
from storage.files.finished import Finished
from storage.files.inputs import InputError
from storage.files.tables import read_parquet
from storage.speech.logits import logit_array, logit_columns, write_split_logits

NOT_GIVEN = {"status": "not given"}


def main(
    params: Fit, option: str, clips: Path, prepared: Path, inputs: Path, logits: Path, model: Path
) -> None:
    table, facts, seed = read_parquet(clips), read_json(prepared), int(option)
    if (facts["kind"] == "logits") != isinstance(params.backend, UserModel):
        raise InputError(
            Path("params.yaml"),
            f"prepare.kind is {facts['kind']}: logits that came with the data need fit.backend {{kind: given}}, audio "
            "needs a model",
            field="speech_temperature.fit.backend",
        )
    if seed not in facts.get("runs", [seed]):
        _absent(logits, model)
        return
    waves = [] if isinstance(params.backend, UserModel) else [inputs / "waves.npz"]
    finished = Finished(f"speech_temperature_fit@{option}", [clips, prepared, *waves], params.model_dump())
    place = Place(finished.kept("epoch"), partial(finished.keep, "epoch"))
    if place.found:
        sys.stdout.write(f"seed {seed}: goes on after {len(place.progress['losses'])} epochs or steps\n")
    with complete_folder(model) as folder, complete_folder(logits) as written:
        match params.backend:
            case UserModel():
                table = read_parquet(inputs / "logits.parquet").query("seed == @seed").reset_index(drop=True)
                found = {"seed": logit_array(table, facts["labels"])}
            case Acoustic():
                from tasks.speech_temperature.model.acoustic import acoustic_logits  # noqa: PLC0415 - torch, which given logits do not need

                found = acoustic_logits(params.backend, table, inputs, seed, folder, place)
            case Qwen2Audio():
                from tasks.speech_temperature.model.language_model import answer_logits  # noqa: PLC0415 - an extra

                found = {"seed": answer_logits(params.backend, table, inputs, seed, folder, place)}
        write_json(
            folder / "model.json", {"backend": params.backend.kind, "seed": seed, "logits": sorted(found)}
        )
        for name, values in found.items():
            rows = table[["clip", "group", "label", "split"]].assign(seed=seed)
            rows[logit_columns(facts["labels"])] = values
            write_split_logits(written, rows, facts["labels"], name if name != "seed" else f"seed_{seed}")
    finished.forget()


def _absent(*folders: Path) -> None:
    """A run of the matrix that the user's file has no logits of."""
    for each in folders:
        with complete_folder(each) as folder:
            write_json(folder / "status.json", NOT_GIVEN)
