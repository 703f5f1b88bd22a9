"""Pinned models come back as they were, in the same bytes, and what is no model is refused by name."""

from pathlib import Path

import numpy as np
import pytest
import xgboost

from storage.detections.experts import read_booster, write_booster
from storage.detections.matrices import read_matrix
from storage.files.finished import Finished, declared_code
from storage.files.inputs import InputError
from storage.files.tensors import read_tensors, write_tensors


def booster() -> xgboost.Booster:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 4)).astype(np.float32)
    return xgboost.train({"max_depth": 2}, xgboost.DMatrix(features, features[:, 0] > 0), 5)


def test_a_booster_comes_back_in_the_same_bytes(tmp_path: Path) -> None:
    write_booster(tmp_path / "a.ubj", booster())
    write_booster(tmp_path / "b.ubj", read_booster(tmp_path / "a.ubj"))
    assert (tmp_path / "a.ubj").read_bytes() == (tmp_path / "b.ubj").read_bytes()


def test_tensors_come_back_whatever_the_order_and_scalars_stay_scalars(tmp_path: Path) -> None:
    tensors = {"b": np.arange(6.0).reshape(2, 3).T, "a": np.array(1.5)}
    write_tensors(tmp_path / "a.safetensors", tensors)
    write_tensors(tmp_path / "b.safetensors", dict(reversed(tensors.items())))
    found = read_tensors(tmp_path / "a.safetensors")
    assert found["a"].shape == ()
    assert (found["b"] == tensors["b"]).all()
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.ubj").write_bytes(b"nonsense")
    with pytest.raises(InputError, match=r"bad.ubj: is not an XGBoost model"):
        read_booster(tmp_path / "bad.ubj")
    with pytest.raises(InputError, match="no such model"):
        read_booster(tmp_path / "none.ubj")


@pytest.mark.parametrize("shape", [(5, 3), (5, 0)])
def test_matrices_are_mapped_and_may_have_no_columns(tmp_path: Path, shape: tuple[int, int]) -> None:
    np.save(tmp_path / "m.npy", np.ones(shape, np.float16))
    found = read_matrix(tmp_path / "m.npy")
    assert found.shape == shape
    assert isinstance(found, np.memmap) == (shape[1] > 0)


def test_finished_units_are_found_by_what_determines_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").write_text("1")

    def unit(value: float, **facts: int) -> float:
        finished = Finished("step", [tmp_path / "in"], facts)
        return float(finished.unit("u", lambda: {"p": np.array(value)})["p"])

    assert unit(1.0, depth=3) == 1.0
    assert unit(2.0, depth=3) == 1.0
    assert unit(2.0, depth=4) == 2.0
    (tmp_path / "in").write_text("2")
    assert unit(3.0, depth=3) == 3.0
    Finished("step", [tmp_path / "in"], {"depth": 3}).forget()
    assert unit(4.0, depth=3) == 4.0


def test_finished_units_are_not_those_of_other_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").write_text(
        "stages: {train: {cmd: x, deps: [in, method.py, requirements.lock], outs: [out: {cache: true}]}}"
    )
    for name in ("method.py", "requirements.lock"):
        (tmp_path / name).write_text("1")

    def folder() -> Path:
        return Finished("train@wide", [], {}).folder

    assert declared_code("train") == [Path("method.py"), Path("requirements.lock")]
    assert declared_code("another") == []
    before = folder()
    assert folder() == before
    (tmp_path / "method.py").write_text("2")
    assert folder() != before
