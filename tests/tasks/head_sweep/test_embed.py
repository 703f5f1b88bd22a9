"""embed: one pair of files per encoder, shard by shard, whatever the encoder is."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from ruamel.yaml import YAML

from methods.images import pretrained_encoder
from params.block import ParamsError, read_block
from params.head_sweep import Comparison, Embed, Plan, Prepare, Train
from storage.files.inputs import InputError
from storage.heads.embeddings import check_encoders, is_available, read_embeddings
from storage.heads.pictures import write_picture
from tasks.head_sweep import embed
from tasks.head_sweep.model import encoders
from tests.imports import ROOT
from tests.methods.images.test_pretrained_encoder import CLIP, DINO, SATELLITE, TINY, saved
from tests.tasks.head_sweep.files import CROPS, HOG, RANDOM, STATED, DataRun, boxes_json, edit_boxes

# --- params and examples ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["params.yaml", "examples/own_crops.yaml", "examples/own_embeddings.yaml"])
def test_encoders_and_datasets_are_named_the_same_throughout(name: str) -> None:
    models = {"prepare": Prepare, "embed": Embed, "plan": Plan, "train": Train, "compare": Comparison}
    stated: Any = {
        step: read_block(ROOT / name, f"head_sweep.{step}", model) for step, model in models.items()
    }
    stages = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
    named = set(stated["embed"].encoders)
    for step in ("embed", "train"):
        assert named <= set(stages[f"head_sweep_{step}"]["matrix"]["encoder"])  # others leave a status
    gathered = {
        Path(dep).parent.name for dep in stages["head_sweep_compare"]["deps"] if dep.endswith("runs.json")
    }
    assert named <= gathered
    datasets = set(stated["prepare"].datasets)
    assert {encoder.dataset for encoder in stated["embed"].encoders.values()} == datasets
    assert stated["compare"].dataset in datasets
    for grid in stated["plan"].presets[stated["plan"].preset]:
        assert set(grid.encoders) <= named


def test_twice_is_the_same_bytes(run: DataRun) -> None:
    digests = []
    for _ in range(2):
        run.prepare()
        for name, encoder in STATED["embed"]["encoders"].items():
            run.embed(name, encoder)
        files = sorted(path for path in run.out.rglob("*") if path.is_file())
        assert len(files) == 3 + 2 * 3
        digests.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in files])
        shutil.rmtree(run.out)
    assert digests[0] == digests[1]


def test_the_default_runs_from_files_to_embeddings(run: DataRun) -> None:
    facts = run.prepare()
    assert set(facts) == {"simulated", "digits"}
    made = [run.embed(name, encoder) for name, encoder in STATED["embed"]["encoders"].items()]
    check_encoders([Path(each.encoder) for each in made], made)
    assert [each.dataset for each in made] == ["simulated", "simulated", "digits"]
    for each in made:
        homes = pd.DataFrame({"group": each.groups, "split": each.split}).groupby("group")["split"].nunique()
        assert homes.max() == 1
        assert [name for name in each.classes if name.startswith("__bg")] == [f"__bg_{i}" for i in range(5)]
        counts = pd.Series(each.split).value_counts()
        stated = facts[each.dataset]["splits"]
        assert {part: int(counts[part]) for part in stated} == {
            part: n["foreground"] + n["background"] for part, n in stated.items()
        }


# --- embed ------------------------------------------------------------------------------------------------------


def counted(monkeypatch: pytest.MonkeyPatch, stop_after: int | None = None) -> list[int]:
    """How many crops each call of an encoder saw; after so many calls it is killed."""
    calls: list[int] = []
    original = encoders.prepare_encoder

    def wrapped(params: Any) -> Any:
        prepared = original(params)

        def load() -> Any:
            inner = prepared.load()

            def embedding(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
                if stop_after is not None and len(calls) >= stop_after:
                    raise KeyboardInterrupt
                calls.append(len(pixels))
                return inner(pixels)

            return embedding

        return encoders.EncoderSetup(prepared.card, prepared.transform, load)

    monkeypatch.setattr(encoders, "prepare_encoder", wrapped)
    return calls


@pytest.mark.parametrize("encoder", [RANDOM, HOG], ids=["random_network", "hog_colour"])
def test_a_killed_run_goes_on_at_its_shard(
    run: DataRun, encoder: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run.crops()
    n = len(run.rows)
    whole = run.embed("pixels", encoder, shard=100, batch=40)
    with monkeypatch.context() as patch:
        calls = counted(patch, stop_after=7)  # 40, 40, 20; 40, 40, 20; 40, killed
        with pytest.raises(KeyboardInterrupt):
            run.embed("pixels", encoder, shard=100, batch=40)
        assert calls == [40, 40, 20, 40, 40, 20, 40]
    with monkeypatch.context() as patch:
        calls = counted(patch)
        resumed = run.embed("pixels", encoder, shard=100, batch=40)
        assert sum(calls) == n - 200
    assert np.array_equal(resumed.values, whole.values)
    assert resumed.labels == whole.labels
    assert not list((run.folder / ".cache").glob("*"))


def test_what_determines_a_shard_is_in_its_key(run: DataRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was killed is not gone on with after rows, pictures or the encoder changed."""
    run.crops()

    def killed_then(change: Any, encoder: dict[str, Any]) -> int:
        with monkeypatch.context() as patch:
            counted(patch, stop_after=1)
            with pytest.raises(KeyboardInterrupt):
                run.embed("pixels", RANDOM, shard=64, batch=64)
        change()
        with monkeypatch.context() as patch:
            calls = counted(patch)
            run.embed("pixels", encoder, shard=64, batch=64)
        return sum(calls)

    n = len(run.rows)
    assert killed_then(lambda: None, RANDOM) == n - 64
    for change in ({"context": 0.25}, {"size": 48}, {"seed": 1}):
        assert killed_then(lambda: None, {**RANDOM, **change}) == n
    path = run.data / "digits" / "images" / "scene_0001.png"
    assert killed_then(lambda: write_picture(path, np.full((132, 132, 3), 9, np.uint8)), RANDOM) == n
    assert killed_then(lambda: run.crops(background={**CROPS["background"], "seed": 1}), RANDOM) == len(
        run.rows
    )


def test_batches_change_speed_alone(run: DataRun) -> None:
    run.crops()
    one = run.embed("pixels", HOG, batch=7, shard=50)
    other = run.embed("pixels", HOG, batch=512, shard=512)
    assert np.array_equal(one.values, other.values)


def test_an_encoder_that_params_do_not_name_leaves_a_status(run: DataRun) -> None:
    run.crops()
    params = run.block(Embed, "embed", {"encoders": {"pixels": RANDOM}})
    for block in (params, None):
        embed.main(block, "wide", run.data, run.out / "rows.parquet", run.out / "embeddings.json")
        assert not is_available(run.out / "embeddings.json")
        with pytest.raises(InputError, match="field ids: expected a list"):
            read_embeddings(run.out / "embeddings.json")


def test_a_dataset_that_prepare_does_not_know_is_refused(run: DataRun) -> None:
    run.crops()
    with pytest.raises(InputError, match="unknown dataset 'cats'"):
        run.embed("pixels", {**RANDOM, "dataset": "cats"})
    run.prepare()
    with pytest.raises(InputError, match="dataset 'simulated' has no pictures"):
        run.embed("pixels", {**RANDOM, "dataset": "simulated"})


# --- embed: pretrained encoders ---------------------------------------------------------------------------------


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """Entries for tiny models of the real classes, with weights on disk."""
    pytest.importorskip("timm")
    entries = {}
    for name, changes in TINY.items():
        stated = pretrained_encoder.ARCHITECTURES[name]
        small = pretrained_encoder.Architecture(
            stated.size, stated.centre, stated.mean, stated.std, tuple(changes.items())
        )
        monkeypatch.setitem(pretrained_encoder.ARCHITECTURES, name, small)
        path = saved(name, tmp_path)
        entries[name] = {
            "kind": "timm", "dataset": "digits", "model": name, "weights": str(path),
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "pooling": "cls", "fit": "squash",
            "context": 0.0, "device": "cpu",
        }  # fmt: skip
    return entries


@pytest.fixture
def few(run: DataRun) -> DataRun:
    """A dozen images: the models are tiny, their pictures are not."""
    content = boxes_json(run)
    content["images"] = content["images"][:12]
    content["annotations"] = [each for each in content["annotations"] if each["image_id"] <= 12]
    for each in content["annotations"]:
        each["category_id"] = 1 + each["id"] % 2
    edit_boxes(run, content)
    run.crops()
    return run


def test_pretrained_encoders_embed_crops(few: DataRun, tiny: dict[str, dict[str, Any]]) -> None:
    made = {name: few.embed("own", entry) for name, entry in tiny.items()}
    for name, each in made.items():
        assert np.shape(each.values) == (len(few.rows), 32)
        assert each.card.model.startswith(name)
        assert each.card.pooling == "cls"
    assert made[SATELLITE].card.normalisation["mean"] == [0.43, 0.411, 0.296]
    assert made[DINO].card.normalisation["mean"] == [0.485, 0.456, 0.406]
    assert len({each.card.transform for each in made.values()}) == 3
    projected = few.embed("own", {**tiny[CLIP], "pooling": "pooled"})
    assert np.shape(projected.values) == (len(few.rows), 512)


def test_pretrained_encoders_go_on_at_their_shard(
    few: DataRun, tiny: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = few.embed("own", tiny[DINO], shard=40, batch=20)
    with monkeypatch.context() as patch:
        counted(patch, stop_after=3)
        with pytest.raises(KeyboardInterrupt):
            few.embed("own", tiny[DINO], shard=40, batch=20)
    with monkeypatch.context() as patch:
        calls = counted(patch)
        resumed = few.embed("own", tiny[DINO], shard=40, batch=20)
        assert sum(calls) == len(few.rows) - 40
    assert np.array_equal(resumed.values, whole.values)
    with monkeypatch.context() as patch:
        counted(patch, stop_after=3)
        with pytest.raises(KeyboardInterrupt):
            few.embed("own", tiny[DINO], shard=40, batch=20)
    with monkeypatch.context() as patch:
        calls = counted(patch)
        few.embed("own", {**tiny[DINO], "pooling": "patch_mean"}, shard=40, batch=20)
        assert sum(calls) == len(few.rows)


def test_weights_are_the_users_own(few: DataRun, tiny: dict[str, dict[str, Any]]) -> None:
    with pytest.raises(InputError, match="never downloaded"):
        few.embed("own", {**tiny[DINO], "weights": "nowhere.safetensors"})
    with pytest.raises(InputError, match="has sha256"):
        few.embed("own", {**tiny[DINO], "sha256": "0" * 64})
    with pytest.raises(InputError, match="unknown model 'vit_huge'"):
        few.embed("own", {**tiny[DINO], "model": "vit_huge"})
    with pytest.raises(ParamsError, match="safetensors file alone"):
        few.embed("own", {**tiny[DINO], "weights": "weights.pth"})
