"""Where a training is kept between two epochs; no torch, so that one which has nothing to train can ask for it."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]


class Place:
    """Where a training is kept: `found` is what an earlier run left, or None; `keep` takes the next state."""

    def __init__(
        self, found: Mapping[str, NDArray[Any]] | None = None, keep: Callable[[Arrays], object] | None = None
    ) -> None:
        self.found, self.keep = found, keep
        self.facts: dict[str, Any] = json.loads(found["facts"].tobytes().decode()) if found else {}

    @property
    def progress(self) -> dict[str, Any]:
        """How far the earlier run said it was; nothing where there was none."""
        return dict(self.facts.get("progress", {}))
