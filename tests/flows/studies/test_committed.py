"""The studies that the repository itself has: their params are those of an example, their dvc.yaml follows from them."""

import re
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from flows.studies.pipeline import written
from tests.imports import ROOT


def committed() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "studies/*/params.yaml"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [(ROOT / path).parent for path in listed.stdout.splitlines()]


def test_there_are_some() -> None:
    assert committed()


@pytest.mark.parametrize("folder", committed(), ids=lambda folder: folder.name)
def test_a_committed_study_is_its_example_and_has_the_stages_of_today(folder: Path) -> None:
    text = (folder / "params.yaml").read_text()
    named = re.match(r"# .* as in (examples/\S+\.yaml)\n", text)
    assert named, "the first line says which example it is"
    yaml = YAML(typ="safe")
    assert yaml.load(text) == yaml.load((ROOT / named[1]).read_text())
    assert (folder / "dvc.yaml").read_text() == written(folder), "`make deps`"
