"""This repository with a small pipeline in place of its own, an origin to clone from, and a folder as DVC remote."""

from pathlib import Path

from tests.clone import IDENTITY, Clone, clone_working_tree


def toy_clone(folder: Path, pipeline: str, ignored: str) -> Clone:
    """In `folder`: `coordinator` (the clone), `remote/origin.git` and `remote/store`."""
    clone = clone_working_tree(folder / "coordinator")
    clone.run("git", "rm", "-r", "--quiet", "--ignore-unmatch", "results", "studies", "data.dvc", "dvc.lock")
    (clone.path / "dvc.yaml").write_text(pipeline)
    (clone.path / "params.yaml").write_text("toy: {k: 1}\n")
    (clone.path / "in.txt").write_text("one\n")
    with (clone.path / ".gitignore").open("a") as file:
        file.write(ignored)
    clone.run("dvc", "remote", "add", "--default", "store", str(folder / "remote" / "store"))
    clone.run("git", "add", "--all")
    clone.run("git", *IDENTITY, "commit", "--quiet", "-m", "toy")
    clone.run("git", "init", "--quiet", "--bare", str(folder / "remote" / "origin.git"))
    clone.run("git", "remote", "set-url", "origin", str(folder / "remote" / "origin.git"))
    clone.run("git", "push", "--quiet", "origin", "HEAD")
    return clone
