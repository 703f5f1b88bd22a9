"""A clone of this repository as it stands in the working tree, for tests that use it as a user would."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.imports import ROOT

REAL = ROOT.parent / "shared" / "real"
IDENTITY = ["-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false"]


class Clone:
    """Runs commands there with the environment of these tests and nothing else of this checkout."""

    def __init__(self, path: Path) -> None:
        self.path = path
        shared = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PREFECT", "STAGE", "PYTEST"))
        }
        self.environment = {
            **shared,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "DVC_NO_ANALYTICS": "1",
            "DVC_GLOBAL_CONFIG_DIR": str(path / ".no-global-config"),
            "DVC_SYSTEM_CONFIG_DIR": str(path / ".no-system-config"),
        }

    def try_(self, *command: str, timeout: int = 600) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command,
            cwd=self.path,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def run(self, *command: str, timeout: int = 600) -> str:
        """What it printed; a failure shows both streams."""
        done = self.try_(*command, timeout=timeout)
        assert done.returncode == 0, (
            f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        return done.stdout

    def changed(self) -> list[str]:
        """Files that differ from the commit."""
        return self.run("git", "status", "--porcelain").splitlines()

    def read(self, name: str) -> bytes:
        return (self.path / name).read_bytes()


def clone_working_tree(path: Path) -> Clone:
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(path)], check=True)
    clone = Clone(path)
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    tracked = {name for name in listed.split("\0") if name and (ROOT / name).is_file()}
    for name in clone.run("git", "ls-files").splitlines():
        if name not in tracked:
            (path / name).unlink()
    for name in tracked:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, path / name)
    clone.run("git", "add", "-A")
    clone.run("git", *IDENTITY, "commit", "--quiet", "--allow-empty", "-m", "as it stands")
    return clone
