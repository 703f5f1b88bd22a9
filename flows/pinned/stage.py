"""A stage of dvc.yaml as a walk needs it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    name: str
    upstreams: tuple[str, ...]
    reasons: tuple[str, ...] = ()  # why it is stale; empty: up to date
    files: tuple[str, ...] = ()  # inputs, outputs and their copies in the cache

    @property
    def stale(self) -> bool:
        return bool(self.reasons)
