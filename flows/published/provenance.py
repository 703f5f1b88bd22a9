"""What results were made from: commit, whether the working copy has other changes, and dvc.lock."""

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tasks.report.templates import Reason, sentences

WORDS = "flows/published/words.j2"
LOCK = "dvc.lock"


@dataclass(frozen=True)
class Provenance:
    commit: str
    dirty: bool
    lock: str

    def __str__(self) -> str:
        figures = {"commit": self.commit[:12], "dirty": self.dirty, "lock": self.lock[:12]}
        return sentences(WORDS, [Reason("provenance", figures)])[0]


def provenance(root: Path) -> Provenance:
    commit = _git(root, "rev-parse", "HEAD") or "no commit"
    return Provenance(commit, bool(_git(root, "status", "--porcelain")), _hash(root / LOCK))


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "none"


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
