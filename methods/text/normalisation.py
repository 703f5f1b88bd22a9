"""Text as the model and the duplicate check see it."""

import re
import unicodedata
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

ZERO_WIDTH = re.compile("[\u200b-\u200f\u2060-\u2064\ufeff\u00ad\u180e]")


def clean_text(text: str) -> str:
    """NFKC, zero-width characters stripped, lower case, white space collapsed."""
    return " ".join(ZERO_WIDTH.sub("", unicodedata.normalize("NFKC", text)).lower().split())


def duplicate_groups(texts: Sequence[Hashable]) -> NDArray[np.int64]:
    """One number per distinct text, in order of first appearance."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(text, len(numbers)) for text in texts], np.int64)
