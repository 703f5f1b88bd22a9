"""The wheel installs by itself, and decides where nothing of the pipeline can be imported."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from methods.text.ngrams import NgramModel
from serving import load, records
from tests.imports import ROOT
from tests.serving.exports import recalibration_export, texts_export, thresholds_export

ABSENT = (
    "prefect",
    "dvc",
    "torch",
    "pandas",
    "sklearn",
    "scipy",
    "pyarrow",
    "onnxruntime",
    "pydantic",
    "flows",
    "methods",
)
USE = """
import importlib.util, json, sys
from serving import load, records
found = [name for name in {absent!r} if importlib.util.find_spec(name)]
fired = records(load("thresholds").decide([{{"score:a": 0.5, "score:b": 1}}, {{"score:a": 0.4, "score:b": 0}}]))
half = records(load("recalibration").decide([{{"logit:SPEECH": 1, "logit:NONSPEECH": -1}}]))
texts = records(load("texts").decide([{{"text": "Win \U0001f642"}}, {{"text": ""}}]))
print(json.dumps([found, fired, half, texts, sorted(name for name in sys.modules if name.startswith("serving"))]))
"""


def run(*command: str | Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    environment = {
        name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")
    }
    return subprocess.run(
        [str(each) for each in command], cwd=folder, env=environment, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if (uv := shutil.which("uv")) is None:
        pytest.skip("uv is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    done = run(uv, "build", "--wheel", ROOT / "serving", "--out-dir", folder, folder=folder)
    if done.returncode and "Failed to fetch" in done.stderr:
        pytest.skip("no registry can be reached for the build backend")
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_the_wheel_holds_all_modules_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    ours = {path.relative_to(ROOT).as_posix() for path in (ROOT / "serving").rglob("*.py")}
    assert held == {*ours, "serving/py.typed"}


@pytest.mark.slow
def test_it_decides_in_an_environment_with_numpy_alone(wheel: Path, tmp_path: Path) -> None:
    uv = shutil.which("uv") or "uv"
    assert run(uv, "venv", "--python", sys.executable, "venv", folder=tmp_path).returncode == 0
    python = tmp_path / "venv" / "bin" / "python"
    done = run(uv, "pip", "install", "--python", python, wheel, folder=tmp_path)
    if done.returncode and "Failed to fetch" in done.stderr:
        pytest.skip("no registry can be reached for numpy")
    assert done.returncode == 0, done.stderr
    for kind in ("a", "b", "c", "elsewhere"):
        (tmp_path / kind).mkdir()
    elsewhere = tmp_path / "elsewhere"
    thresholds_export(tmp_path / "a", {"a": 0.5, "b": float("inf")}).rename(elsewhere / "thresholds")
    recalibration_export(tmp_path / "b", "temperature", {1: {"temperature": [float("inf")]}}).rename(
        elsewhere / "recalibration"
    )
    model = NgramModel(np.ones((1, 512), np.float32), np.zeros(1, np.float32))
    ngrams = {"word_ngrams": 2, "char_ngrams": [2, 3]}
    texts = texts_export(tmp_path / "c", {"a": 0.5}, model, ngrams).rename(elsewhere / "texts")
    wanted = records(load(texts).decide({"text": ["Win \U0001f642", ""]}))
    done = run(python, "-c", USE.format(absent=ABSENT), folder=elsewhere)
    assert done.returncode == 0, done.stderr
    found, fired, half, scored, loaded = json.loads(done.stdout)
    assert found == []
    assert scored == wanted
    assert wanted[1] == {"score:a": 0.5, "fires:a": True}
    assert fired == [{"fires:a": True, "fires:b": False}, {"fires:a": False, "fires:b": False}]
    assert half == [{"probability:SPEECH": 0.5, "probability:NONSPEECH": 0.5, "predicted": "SPEECH"}]
    assert "serving.sklearn_form" not in loaded


def test_importing_it_loads_nothing_but_numpy() -> None:
    script = (
        "import sys; import serving, serving.folder, serving.thresholds, serving.texts, serving.recalibration, serving.mlflow_form; "
        f"print([name for name in {ABSENT!r} if name in sys.modules])"
    )
    done = run(sys.executable, "-c", script, folder=ROOT)
    assert done.stdout == "[]\n", done.stderr
