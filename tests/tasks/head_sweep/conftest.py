"""A folder with tiny simulated data, anew for each test, which is where the test runs."""

from pathlib import Path

import pytest

from tests.tasks.head_sweep.files import DataRun, copied, simulate


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(tmp_path_factory.mktemp("simulated"))


@pytest.fixture
def run(tmp_path: Path, simulated: Path, monkeypatch: pytest.MonkeyPatch) -> DataRun:
    monkeypatch.chdir(tmp_path)
    return copied(simulated, tmp_path)
