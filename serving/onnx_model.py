"""An ONNX model of an export, run by onnxruntime over a few rows at a time."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.errors import ExportError

DTYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64}
ERRORS_ALONE = 3  # of what onnxruntime prints: no warnings


class OnnxModel:
    """On one thread a row has the same score alone and among others: on several, sums over trees are split otherwise.

    threads: 0 for as many as there are cores. Raises ExportError where it cannot be run.
    """

    def __init__(self, path: Path, rows_at_once: int, threads: int = 1) -> None:
        self._session = _session(path, threads)
        self.rows_at_once = rows_at_once
        self._inputs = {each.name: DTYPES[each.type] for each in self._session.get_inputs()}
        self._outputs = {
            each.name: np.empty((0, *each.shape[1:]), DTYPES[each.type])
            for each in self._session.get_outputs()
        }

    @property
    def inputs(self) -> list[str]:
        return list(self._inputs)

    def run(self, columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Every output, rows in their order; columns that it does not take are left alone."""
        rows = len(columns[self.inputs[0]])
        found: dict[str, list[NDArray[Any]]] = {name: [empty] for name, empty in self._outputs.items()}
        for start in range(0, rows, self.rows_at_once):
            part = slice(start, start + self.rows_at_once)
            given = {name: np.asarray(columns[name][part], dtype) for name, dtype in self._inputs.items()}
            for parts, made in zip(found.values(), self._session.run(list(found), given), strict=True):
                parts.append(made)
        return {name: np.concatenate(parts) for name, parts in found.items()}


def _session(path: Path, threads: int) -> Any:
    try:
        import onnxruntime  # noqa: PLC0415 - what holds thresholds alone needs none
    except ImportError:
        raise ExportError(
            path, "needs onnxruntime, which is not installed; install it: pip install onnxruntime"
        ) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = ERRORS_ALONE
    options.add_session_config_entry(
        "session.intra_op.allow_spinning", "0"
    )  # threads that wait leave the cores to others
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes, of which none is public
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise ExportError(
            path, f"onnxruntime {onnxruntime.__version__} cannot run it ({reason}); use a newer one"
        ) from None
