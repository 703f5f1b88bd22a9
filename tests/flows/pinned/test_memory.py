"""What was up to date is known without DVC, until any file behind it is touched."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.pinned import memory
from flows.walk.plan import plan, up_to_date
from tests.flows.conftest import DIAMOND, Toy, dvc

WITH_FOLDER = (
    "stages:\n"
    "  a: {cmd: cat in.txt > a.txt, deps: [in.txt], params: [x.k], outs: [a.txt]}\n"
    "  b: {cmd: mkdir -p b/c && cp a.txt b/c/, deps: [a.txt], outs: [b]}\n"
)


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SETTLED", -(10**15))  # what was written just now counts as old


def remembered(root: Path) -> bool:
    plan(root, None, force=False, jobs=None)
    return memory.recall(root) is not None


def cached(root: Path) -> Path:
    return next(path for path in (root / ".dvc" / "cache").rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "touch",
    [
        lambda root: (root / "in.txt").write_text("two\n"),
        lambda root: (root / "in.txt").touch(),
        lambda root: (root / "params.yaml").write_text("x: {k: 2, l: [1, 2]}\n"),
        lambda root: (root / "dvc.yaml").write_text(WITH_FOLDER + "  c: {cmd: 'true'}\n"),
        lambda root: (root / "dvc.lock").unlink(),
        lambda root: (root / "a.txt").unlink(),
        lambda root: (root / "b" / "c" / "a.txt").unlink(),
        lambda root: (root / "b" / "c" / "more").touch(),
        lambda root: shutil.rmtree(root / "b"),
        lambda root: cached(root).unlink(),
        lambda root: (root / ".dvc" / "config.local").write_text("[cache]\n    dir = elsewhere\n"),
        lambda root: (root / ".dvcignore").write_text("b\n"),
        lambda root: (root / "data").mkdir(),
        lambda root: (root / memory.MEMORY).write_text("{"),
        lambda root: (root / memory.MEMORY).write_text("[]"),
        lambda root: (root / memory.MEMORY).write_text(json.dumps({"format": 0})),
    ],
)
def test_whatever_is_touched_is_asked_of_dvc_again(toy: Toy, touch: Callable[[Path], object]) -> None:
    root = toy(WITH_FOLDER)
    assert not remembered(root)
    dvc("repro")
    assert remembered(root)
    touch(root)
    assert memory.recall(root) is None


def test_a_file_that_may_have_changed_while_dvc_read_is_not_trusted(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = toy(WITH_FOLDER)
    dvc("repro")
    monkeypatch.setattr(memory, "SETTLED", 10**15)
    assert not remembered(root)
    monkeypatch.undo()
    monkeypatch.chdir(root)
    (root / "b" / "link").symlink_to(root)  # and what may lead anywhere is not followed
    assert not remembered(root)


def test_it_says_what_dvc_says(toy: Toy) -> None:
    root = toy(DIAMOND)
    dvc("repro")
    asked = plan(root, ["b"], force=False, jobs=None)
    known = up_to_date(root, ["b"])
    assert known is not None
    assert list(known) == list(asked.stages) == ["a", "b"]
    assert {name: stage.upstreams for name, stage in known.items()} == asked.upstreams
    assert up_to_date(root, ["nowhere"]) is None
    assert not plan(root, None, force=True, jobs=None).nothing_to_do


def test_a_command_with_nothing_to_do_imports_neither_dvc_nor_prefect(toy: Toy) -> None:
    root = toy(DIAMOND)
    dvc("repro")
    assert remembered(root)
    code = (
        "import sys; from flows.reproduce import main; main([]);"
        "assert not {'dvc', 'prefect', 'pandas', 'numpy'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "nothing is stale: 4 stages are up to date\n"


def test_what_cannot_be_kept_costs_nothing(toy: Toy) -> None:
    root = toy(DIAMOND)
    dvc("repro")
    (root / memory.MEMORY.parent).write_text("a file where the folder should be")
    assert plan(root, None, force=False, jobs=None).nothing_to_do
    assert memory.recall(root) is None
