"""Outputs that are not what dvc.lock says, whether DVC's cache has them or not."""

from collections.abc import Collection
from pathlib import Path

from dvc.repo import lock_repo
from dvc.stage import PipelineStage

from flows.pinned.repository import opened


def edited(root: Path, stages: Collection[str]) -> list[str]:
    """Paths of outputs of these stages that are there and differ. (`Output.status` says of one that the cache lacks
    that it does, and nothing of the file.)"""
    with opened(root) as repo, lock_repo(repo):
        return [
            Path(out.fs_path).relative_to(root).as_posix()
            for stage in repo.index.stages
            if isinstance(stage, PipelineStage) and stage.name in stages
            for out in stage.outs
            if out.exists and out.workspace_status()
        ]
