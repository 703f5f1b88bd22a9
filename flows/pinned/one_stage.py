"""dvc.yaml and dvc.lock as far as one stage goes: DVC itself reads and checks all of both, several times a stage.

Over a walk that grows with the square of the number of stages.
"""

from copy import deepcopy
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from dvc.dvcfile import Lockfile, ProjectFile
from dvc.repo.stage import StageLoad
from dvc.utils import parse_target
from dvc.utils.serialize import parse_yaml

from flows.pinned.lock_file import LOCK_HEAD, entry
from flows.pinned.repository import LOCK


class OneStage(StageLoad):  # type: ignore[misc]
    """In place of `Repo.stage`: finds `<root>/dvc.yaml:<name>`, and nothing else of the file."""

    def collect(self, target: str, *_: Any, **__: Any) -> list[Any]:
        path, name = parse_target(target)
        pipeline = _OfOneStage(self.repo, path, name)
        stage = pipeline.stages[name]
        stage.dvcfile = pipeline  # who asks it for its file must not get all of it
        return [stage]


class _OfOneStage(ProjectFile):  # type: ignore[misc]
    def __init__(self, repo: Any, path: str, name: str) -> None:
        super().__init__(repo, path)
        self._name = name

    @cached_property
    def contents(self) -> dict[str, Any]:
        whole = _parsed(Path(self.path).read_text(encoding="utf-8"), self.path)
        names = (self._name, self._name.rpartition("@")[0])  # a matrix has one entry
        mine = {name: each for name, each in whole.get("stages", {}).items() if name in names}
        return {**whole, "stages": deepcopy(mine)}

    @cached_property
    def lockfile_contents(self) -> dict[str, Any]:
        recorded: dict[str, Any] = parse_yaml(LOCK_HEAD + entry(Path(self.repo.root_dir), self._name), LOCK)
        recorded["stages"] = recorded["stages"] or {}
        return Lockfile.validate(recorded, LOCK)  # type: ignore[no-any-return]


@lru_cache(maxsize=1)
def _parsed(text: str, path: str) -> dict[str, Any]:
    return ProjectFile.validate(parse_yaml(text, path), path)  # type: ignore[no-any-return]
