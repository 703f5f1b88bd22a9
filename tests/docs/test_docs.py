"""The pages on data, word for word: every command of theirs runs in a fresh clone, as a stranger types it."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.clone import Clone, clone_working_tree
from tests.docs.commands import CommandBlock, command_blocks, printed_blocks
from tests.imports import ROOT

TO_DECISIONS = [*sorted((ROOT / "docs" / "data").glob("*.md")), ROOT / "docs" / "studies.md"]
TUTORIAL = ROOT / "docs" / "tutorial.md"
DETECTIONS = ROOT / "docs" / "data" / "hybrid_calibrator.md"
GO_ON = {
    "watch.md": [TUTORIAL],
    "use.md": [DETECTIONS],
}  # pages that begin where others end, in the same clone
PAGES = [*TO_DECISIONS, *(ROOT / "docs" / name for name in ("use.md", "watch.md", "plan.md", "attest.md"))]
SERVICE = "elsewhere/service.pid"  # what a page started and has not ended yet, where it failed in between
LAST = 6000  # characters of output that a failure shows
TIME = 1200  # seconds of a block
pytestmark = pytest.mark.slow


def blocks(page: Path) -> list[CommandBlock]:
    return command_blocks(page.read_text(encoding="utf-8"))


def typed(clone: Clone, home: Path, block: CommandBlock) -> "subprocess.CompletedProcess[str]":
    """Both streams in one, as a terminal shows them; the first command that fails ends the block."""
    environment = {**clone.environment, "HOME": str(home)}
    environment.pop("VIRTUAL_ENV", None)
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.text],
        cwd=clone.path,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIME,
        check=False,
    )


def ended(clone: Clone) -> None:
    with suppress(OSError, ValueError):
        os.kill(int(clone.read(SERVICE)), signal.SIGTERM)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_a_page_runs(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    clone, home = clone_working_tree(tmp_path / "clone"), tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\nname = a stranger\nemail = stranger@localhost\n")
    request.addfinalizer(lambda: ended(clone))
    for each in (*GO_ON.get(page.name, []), page):
        follow(each, clone, home)


def follow(page: Path, clone: Clone, home: Path) -> None:
    """Types a page's commands; what the page says that they print, they print."""
    printed = ""
    for block in blocks(page):
        if block.not_run is not None:
            sys.stdout.write(f"{page.name}:{block.line} is not run: {block.not_run}\n")
            continue
        done = typed(clone, home, block)
        assert done.returncode == 0, (
            f"{page.relative_to(ROOT)}, line {block.line}, ended with {done.returncode}:\n\n{block.text}\n"
            f"{done.stdout[-LAST:]}"
        )
        printed += " ".join(done.stdout.split()) + " "
    for part in printed_blocks(page.read_text(encoding="utf-8")):
        assert part in printed, f"{page.relative_to(ROOT)} says that this is printed, and it is not:\n{part}"


@pytest.mark.parametrize("page", [TUTORIAL, *TO_DECISIONS], ids=lambda page: page.stem)
def test_a_page_leads_from_a_file_to_a_decision_and_says_why_it_leaves_a_command_out(page: Path) -> None:
    found = blocks(page)
    run = "".join(block.text for block in found if block.not_run is None)
    assert "flows.reproduce" in run
    assert "flows.show" in run
    assert all(block.not_run is None or block.not_run for block in found)


def test_every_experiment_has_a_page() -> None:
    experiments = {path.parent.name for path in (ROOT / "tasks").glob("*/prepare.py")}
    assert {page.stem for page in PAGES} >= experiments


def test_a_failing_command_is_seen(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    block = CommandBlock(1, "echo before\nfalse | cat\necho after\n", None)
    done = typed(clone, tmp_path, block)
    assert (done.returncode, done.stdout) == (1, "before\n")
    assert os.environ.get("HOME") != str(tmp_path)
    assert typed(clone, tmp_path, CommandBlock(1, "cd ~ && pwd\n", None)).stdout == f"{tmp_path}\n"
