"""What a rule says before anybody puts it into words: the kind of the claim, and its figures."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class Claim(NamedTuple):
    kind: str
    figures: Mapping[str, Any] = MappingProxyType({})
