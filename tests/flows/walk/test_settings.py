"""What DVC keeps of a repository beside it is its owner's alone."""

import subprocess
import sys
from pathlib import Path

from flows.walk import settings
from tests.flows.conftest import DIAMOND, Toy

WALK = "import sys; from flows import reproduce; sys.exit(reproduce.main(['--no-prefect']))"


def test_dvc_keeps_its_state_inside_the_clone_where_nobody_else_may_write(toy: Toy, tmp_path: Path) -> None:
    root, elsewhere = toy(DIAMOND), tmp_path / "elsewhere"
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "PYTHONPATH": str(Path(settings.__file__).parents[2]),
        "TMPDIR": str(elsewhere), "HOME": str(elsewhere),
    }  # fmt: skip
    elsewhere.mkdir()
    subprocess.run([sys.executable, "-c", WALK], cwd=root, env=environment, check=True, capture_output=True)
    site = root / settings.SITE
    assert site.stat().st_mode & 0o777 == 0o700
    assert list((site / "repo").iterdir()), "DVC keeps something there"
