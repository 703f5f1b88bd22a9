"""On which line of a text file a row begins, as an editor counts: blank lines are no rows, and a field may hold breaks."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

Lines = NDArray[np.int64]


def row_lines(lines: Iterable[bytes], quoted: bool) -> Iterator[int]:
    """quoted: a line's end between quotation marks ends no row, and blanks alone are a field (CSV)."""
    within = False
    for number, line in enumerate(lines, 1):
        if within or (line.strip(b"\r\n") if quoted else line.strip()):
            if not within:
                yield number
            within ^= quoted and line.count(b'"') % 2 == 1
