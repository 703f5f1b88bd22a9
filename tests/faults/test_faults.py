"""Every fault ends in a clear message and a clean resume."""

from pathlib import Path

import pytest

from tests.faults.faults import FAULTS, NotHere
from tests.faults.kills import STAGE, WALK, kill_at_random

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.server if "server" in name else ()) for name in FAULTS]
)
def test_a_fault_ends_in_a_clear_message_and_a_clean_resume(name: str, tmp_path: Path) -> None:
    try:
        fault = FAULTS[name](tmp_path.resolve())
    except NotHere as reason:
        pytest.skip(str(reason))
    assert fault.seen


def test_random_kills_leave_the_same_tables(tmp_path: Path) -> None:
    counts = kill_at_random(tmp_path.resolve(), kills=8, seed=1)
    assert counts[WALK] + counts[STAGE] == 8
