"""What the walk of stages and the data folder refuse, in words. No DVC here: whoever only reports them needs none."""

from collections.abc import Iterable
from dataclasses import dataclass


class GraphError(RuntimeError):
    """What DVC refused, in words; `__cause__` has its own error."""


class Stopped(GraphError):
    pass


class CannotRun(GraphError):
    """The stage's command was not started, since it would fail here."""


class LockConflict(GraphError):
    pass


@dataclass(frozen=True)
class Problem:
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}\n  -> {self.remedy}"


class DataError(RuntimeError):
    def __init__(self, problems: Iterable[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
