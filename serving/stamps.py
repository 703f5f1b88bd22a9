"""How much a stamp looks like a lens: the networks of the variant that was chosen, over pixels in nanomaggies."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.errors import RecordError
from serving.fields import Field, columns
from serving.folder import Export
from serving.onnx_model import OnnxModel

MODEL = "stamps.onnx"
STAMP, SCORE, LOGIT = "stamp", "score", "logit:seed_"
ROWS_AT_ONCE = 16  # few enough for the cache of a core
MOST = 65504.0  # what float16 holds, in which stamps are stored


class StampScorer:
    """bands in the order of planes, size in pixels; seeds of the networks, whose probabilities make the score."""

    def __init__(self, export: Export) -> None:
        self.export = export
        stated = export.decision
        self.bands: tuple[str, ...] = tuple(stated["bands"])
        self.size: int = stated["size"]
        self.seeds: tuple[int, ...] = tuple(stated["seeds"])
        self.sees_residuals: bool = stated["input"] != "raw"
        self._model = OnnxModel(export.file(MODEL), ROWS_AT_ONCE, threads=0)

    def decide(self, inputs: Any, /) -> dict[str, NDArray[Any]]:
        """`score`, and `logit:seed_<n>` of each network, of `stamp`: planes (bands, size, size), or arrays (size, size,
        bands)."""
        made = self._model.run({"stamps": self._stamps(_column(self.export.inputs[0], inputs))})
        if self.sees_residuals:
            self._refuse_noiseless(made["noise"])
        each = {f"{LOGIT}{seed}": made["logits"][:, place] for place, seed in enumerate(self.seeds)}
        return {SCORE: made["score"], **{name: logits.astype(np.float64) for name, logits in each.items()}}

    def scores(self, stamps: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        return self.decide({STAMP: stamps})[SCORE]

    def _stamps(self, given: NDArray[Any]) -> NDArray[np.floating[Any]]:
        """(rows, bands, size, size); raises RecordError for rows that cannot be scored."""
        planes = (len(self.bands), self.size, self.size)
        last = (self.size, self.size, len(self.bands))
        if given.ndim != 4 or given.shape[1:] not in (planes, last):
            raise RecordError(
                f"expected rows of {planes} (bands {', '.join(self.bands)}) or {last}, got {given.shape}",
                field=STAMP,
            )
        if given.dtype.kind != "f":
            raise RecordError(
                f"expected decimals, fluxes in nanomaggies, got {given.dtype}: a picture's grey values are no fluxes",
                field=STAMP,
            )
        stamps = given if given.shape[1:] == planes else np.moveaxis(given, 3, 1)
        largest = np.abs(stamps).max(axis=(1, 2, 3), initial=0)  # NaN where there is one
        for bad, problem in (
            (~np.isfinite(largest), "a pixel is no finite number"),
            (largest > MOST, f"a pixel is beyond {MOST:g}; expected nanomaggies"),
        ):
            if bad.any():
                raise RecordError(f"{problem}; leave the stamp out", field=STAMP, row=int(bad.argmax()))
        return stamps

    def _refuse_noiseless(self, noise: NDArray[np.float32]) -> None:
        bad = noise == 0
        if bad.any():
            row, band = (int(each[0]) for each in np.nonzero(bad))
            raise RecordError(
                f"half of the outer pixels of band {self.bands[band]}, or more, have one value, as where a cut-out was "
                "filled up at an edge; leave the stamp out",
                field=STAMP,
                row=row,
            )


def _column(field: Field, inputs: Any) -> NDArray[Any]:
    """Arrays as they are, of whichever layout; all else as numbers."""
    given = inputs[field.name] if hasattr(inputs, "keys") and field.name in inputs else None
    if isinstance(given, np.ndarray) and given.dtype != object:
        return given
    return columns([field], inputs)[field.name]
