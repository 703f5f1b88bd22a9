"""No kernel that a network is trained with writes past its memory: equal bytes could not be promised beside one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from methods.lenses.network import LEAST_WIDTH, StampNetwork
from params.lens_recipe import LensNetwork
from tests.imports import ROOT
from tests.methods.heap_steps import STEPS

DEBUGGER = "libc_malloc_debug.so.0"  # glibc keeps its heap checks here since 2.34


def checked(script: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Each block that is freed or moved is checked for writes past its ends; a corrupt one ends the process."""
    environment = {**os.environ, "MALLOC_CHECK_": "3", "MALLOC_PERTURB_": "165", "LD_PRELOAD": DEBUGGER}
    command = [sys.executable, str(script), *arguments]
    return subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )


@pytest.fixture(scope="module", autouse=True)
def heap_checks(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where the C library has them: they have to see a write of one byte past a block."""
    script = tmp_path_factory.mktemp("heap") / "past_the_end.py"
    script.write_text(
        "import ctypes, numpy\nblock = numpy.empty(5000, numpy.uint8)\n"
        "ctypes.memset(block.ctypes.data + 5000, 77, 1)\ndel block\n"
    )
    if checked(script).returncode == 0:
        pytest.skip("this C library checks no heap")


def test_some_steps_of_every_network_leave_the_heap_whole() -> None:
    done = checked(Path(__file__).with_name("heap_steps.py"))
    assert done.returncode == 0, f"{done.stdout}{done.stderr[-2000:]}"
    assert done.stdout.split() == [steps.__name__ for steps in STEPS]


def test_no_stamp_network_is_built_where_kernels_are_not_safe() -> None:
    with pytest.raises(ValueError, match=f"safe from width {LEAST_WIDTH} on"):
        StampNetwork(3, LEAST_WIDTH - 1)
    bounds = LensNetwork.model_fields["width"].metadata
    assert [bound.ge for bound in bounds if hasattr(bound, "ge")] == [LEAST_WIDTH]
