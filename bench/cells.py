"""What an edit of the code changed in what was computed: `python -m bench.cells [rev]` (default: the last commit).

Every file of results/ cell for cell, and the digest of every output that dvc.lock pins, against those of the commit.
Ends with 1 where a cell or a byte differs.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from flows.published.verdicts import FileVerdict, compare_digests, compare_file

ROOT = Path(__file__).parent.parent


def shown(rev: str, path: str) -> bytes:
    return subprocess.run(["git", "show", f"{rev}:{path}"], cwd=ROOT, check=True, capture_output=True).stdout


def results(rev: str) -> list[FileVerdict]:
    command = ["git", "ls-tree", "-r", "--name-only", rev, "results"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    return [compare_file(path, shown(rev, path), ROOT / path) for path in listed]


def outputs(lock: bytes) -> dict[str, str]:
    """Path -> digest; tables in git are compared by their cells."""
    stages: dict[str, Any] = YAML(typ="safe").load(lock.decode())["stages"]
    outs = [out for stage in stages.values() for out in stage.get("outs", [])]
    return {out["path"]: out["md5"] for out in outs if not out["path"].startswith("results")}


def main() -> int:
    rev = sys.argv[1] if len(sys.argv) > 1 else "HEAD"
    now = outputs((ROOT / "dvc.lock").read_bytes())
    kinds = {
        "files of results/": results(rev),
        "outputs that dvc.lock pins": compare_digests(outputs(shown(rev, "dvc.lock")), now),
    }
    for kind, verdicts in kinds.items():
        same = sum(each.verdict == "identical" for each in verdicts)
        print(f"{same} of {len(verdicts)} {kind} are the same bytes as at {rev}")
        for each in verdicts:
            if each.verdict != "identical":
                print(f"  {each.name}: {each.verdict} {each.detail}")
    return 0 if all(each.holds for verdicts in kinds.values() for each in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
