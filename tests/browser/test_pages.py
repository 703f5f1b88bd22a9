"""Pages in a real browser, opened from disk: no request, no error, both themes, narrow and wide, printed, by keyboard."""

import html
import json
import os
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from flows.published.overview import write_overview
from tasks.report.study_page import write_page
from tests.imports import ROOT

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
EXPERIMENTS = sorted(path.name for path in (ROOT / "results").glob("*/"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium here: `apt-get install chromium`"),
]
WIDTHS = (390, 1600)
ADDRESS = re.compile(r'"url":"((?:https?|wss?|ftp):[^"]*)"')


@pytest.fixture(scope="module", params=EXPERIMENTS)
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pages") / f"{request.param}.html"
    stated = f"tasks/{request.param}/comparison"
    write_page(path, f"{stated}/page.html.j2", f"{stated}/view.json", ROOT / "results" / request.param)
    return path


def browse(page: Path, *options: str, width: int = 1200) -> subprocess.CompletedProcess[str]:
    command = [
        str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={page.parent / 'profile'}", f"--window-size={width},1200", "--enable-logging=stderr",
        "--virtual-time-budget=20000", *options, page.as_uri(),
    ]  # fmt: skip
    return subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=240, env=dict(os.environ)
    )


def asked(page: Path, script: str, width: int = 1200, theme: str = "light") -> Any:
    """What the expression gives in the page; a promise is waited for."""
    probe = (
        "<script>Promise.resolve().then(async () => { const value = await (" + script + ");"
        'document.body.insertAdjacentHTML("beforeend", "<pre id=probe></pre>");'
        "document.getElementById('probe').textContent = JSON.stringify(value); });</script>"
    )
    text = page.read_text(encoding="utf-8").replace(
        '<html lang="en">', f'<html lang="en" data-theme="{theme}">'
    )
    copy = page.with_name(f"{page.stem}_probed.html")
    copy.write_text(text.replace("</body>", f"{probe}</body>"), encoding="utf-8")
    done = browse(copy, "--dump-dom", width=width)
    found = re.search(r'<pre id="probe">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr[-2000:]
    return json.loads(html.unescape(found[1]))


def test_it_asks_for_nothing_and_says_no_error(page: Path) -> None:
    log = page.with_suffix(".netlog.json")
    done = browse(page, f"--log-net-log={log}", "--dump-dom")
    assert "CONSOLE" not in done.stderr, done.stderr
    assert not [each for each in ADDRESS.findall(log.read_text()) if page.stem in each]
    assert "Graded: " in done.stdout


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_sticks_out_of_a_narrow_or_a_wide_window(page: Path, width: int) -> None:
    script = "[document.documentElement.scrollWidth, innerWidth]"
    opened = "(document.querySelectorAll('details').forEach(each => each.open = true), " + script + ")"
    found, window = asked(page, opened, width)
    assert found <= window


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_violation(page: Path, theme: str) -> None:
    axe = (files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8")
    script = (
        f"(() => {{ {axe.replace('</script', '<' + chr(92) + '/script')}; "
        "document.querySelectorAll('details').forEach(each => each.open = true); "
        "return axe.run().then(found => found.violations.map(each => [each.id, each.nodes[0].html])); })()"
    )
    assert asked(page, script, theme=theme) == []


def test_a_click_sorts_a_second_turns_round_and_a_third_brings_the_order_back(page: Path) -> None:
    script = """(() => {
      const table = document.querySelector("table.sortable"), button = table.querySelectorAll("th button")[2];
      const keys = () => [...table.tBodies[0].rows].map(row => row.cells[2].dataset.key);
      const seen = [keys()];
      for (let turn = 0; turn < 3; turn++) { button.click(); seen.push(keys()); }
      return seen; })()"""
    given, up, down, back = asked(page, script)
    numbers = [float(each) for each in up if re.fullmatch(r"-?[\d.]+(e[-+]?\d+)?", each)]
    assert numbers == sorted(numbers)
    assert [each for each in down if each] == [each for each in reversed(up) if each] or len(set(up)) < len(
        up
    )
    assert back == given


def test_all_columns_are_one_click_away(page: Path) -> None:
    script = """(() => { const shown = () => [...document.querySelectorAll("table.sortable th")]
      .filter(each => getComputedStyle(each).display !== "none").length;
      document.getElementById("table").open = true;
      const before = shown(); document.getElementById("all-columns").click();
      return [before, shown(), document.querySelectorAll("table.sortable th").length]; })()"""
    before, after, every = asked(page, script)
    assert before <= 10 < after == every


def test_printed_it_opens_all_folds(page: Path) -> None:
    script = """(() => { dispatchEvent(new Event("beforeprint"));
      const closed = document.querySelectorAll("details:not([open])").length;
      dispatchEvent(new Event("afterprint"));
      return [closed, document.querySelectorAll("details[open]").length]; })()"""
    assert asked(page, script) == [0, 0]
    printed = page.with_suffix(".pdf")
    browse(page, f"--print-to-pdf={printed}")
    assert printed.stat().st_size > 10_000


def test_the_page_over_all_opens_and_its_links_lead_somewhere() -> None:
    page = write_overview(ROOT)
    done = browse(page, "--dump-dom")
    assert "CONSOLE" not in done.stderr, done.stderr
    for link in re.findall(r'href="([^"#]+)"', done.stdout):
        assert link.startswith("data:") or (page.parent / link).exists(), link
    shutil.rmtree(page.parent / "profile", ignore_errors=True)
    assert done.stdout.count('<section class="card') >= len(EXPERIMENTS)
