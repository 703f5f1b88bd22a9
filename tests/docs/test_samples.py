"""What pages show of the defaults is what the defaults say."""

import json
import re

import pytest

from flows.published.terminal import console, results
from tasks.report.verdict import verdict
from tests.imports import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
EXPERIMENTS = sorted(path.name for path in (ROOT / "results").glob("*/"))


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_the_readme_gives_the_answer_of_each_default(experiment: str) -> None:
    decision = json.loads((ROOT / "results" / experiment / "decision.json").read_text())
    (row,) = re.findall(rf"^\| `{experiment}` \|.*$", README, re.MULTILINE)
    assert row.split("|")[3].strip() == verdict(decision).headline


def test_the_readme_s_sample_is_what_the_terminal_prints(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (sample,) = re.findall(r"(?:^    (?:Collect|Ship|Keep|Redesign).*\n(?:    .*\n)+)", README, re.MULTILINE)
    monkeypatch.setenv("COLUMNS", "120")
    console().print(results(ROOT, "fpr_thresholds"))
    printed = {" ".join(line.split()) for line in capsys.readouterr().out.splitlines()}
    for line in sample.splitlines():
        assert line.strip() == "..." or " ".join(line.split()) in printed, line
