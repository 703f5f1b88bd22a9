"""Small DVC repositories to walk over, and one Prefect server for all tests that need one."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.walk import settings
from tests.imports import ROOT

Toy = Callable[[str], Path]

# A diamond whose stages print what they do: in.txt, x.k -> a -> (b, c) -> d
DIAMOND = """
stages:
  a: {cmd: cat in.txt > a.txt, deps: [in.txt], outs: [a.txt], params: [x]}
  b: {cmd: cat a.txt > b.txt, deps: [a.txt], outs: [b.txt]}
  c: {cmd: wc -l < a.txt > c.txt, deps: [a.txt], outs: [c.txt]}
  d: {cmd: cat b.txt c.txt > d.txt, deps: [b.txt, c.txt], outs: [d.txt]}
"""


# pytest turns warnings into errors; these come from inside of what the flows are built on.
DVC = ("ignore:_NoneStep.value will soon raise:DeprecationWarning",)  # pygtrie
PREFECT = (  # its clients leave sockets to the garbage collector
    "ignore:unclosed:ResourceWarning",
    "ignore:.*unclosed:pytest.PytestUnraisableExceptionWarning",
    "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def needs_server(item: pytest.Item) -> bool:
        return "prefect_server" in getattr(item, "fixturenames", ())

    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            if needs_server(item):
                item.add_marker(pytest.mark.server)
            for warning in (*DVC, *(PREFECT if needs_server(item) else ())):
                item.add_marker(pytest.mark.filterwarnings(warning))
    # Prefect's threads draw random numbers, which Hypothesis takes for its own strategies': servers come last,
    # and `make test` runs them in a process of their own.
    items.sort(key=needs_server)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """Make a repository with this dvc.yaml and work in it."""
    root = tmp_path / "toy"
    root.mkdir()
    monkeypatch.chdir(root)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")

    def make(pipeline: str) -> Path:
        (root / "dvc.yaml").write_text(pipeline)
        (root / "in.txt").write_text("one\n")
        (root / "params.yaml").write_text("x: {k: 1, l: [1, 2]}\n")
        (root / ".dvc").mkdir()
        (root / ".dvc" / "config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
        return root

    return make


def dvc(*arguments: str) -> None:
    """The real command, as a user would run it."""
    subprocess.run([sys.executable, "-m", "dvc", *arguments, "-q"], check=True)


def wait_for(path: Path) -> str:
    deadline = time.monotonic() + 60
    while not (path.exists() and path.read_text().endswith("\n")):
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.02)
    return path.read_text().strip()


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.environment(tmp_path_factory.mktemp("prefect")).items():
            patch.setenv(name, value)
        # Prefect reads its environment when it is imported.
        from prefect.testing.utilities import prefect_test_harness  # noqa: PLC0415

        with prefect_test_harness(server_startup_timeout=180):
            yield
