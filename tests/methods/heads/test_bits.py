"""A head has the same bytes alone, among others, in another order, and in chunks of another size."""

import os
import subprocess
import sys

from params.block import read_params
from tests.imports import ROOT


def test_a_heads_bytes_are_its_own_over_ragged_sizes_and_3_to_33_classes() -> None:
    """In a process of its own: the CPU switches have to stand before torch is imported."""
    switches = read_params(ROOT / "params.yaml")["runtime"]["cpu"]["environment"]
    threads = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.methods.heads.lane_bits"], cwd=ROOT, env={**os.environ, **switches, **threads},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
