"""A study's page needs nothing but itself, shows the table's very cells, and lets nobody's names become HTML."""

import csv
import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from storage.files.inputs import InputError
from tasks.report import study_page
from tasks.report.interval_chart import WIDTH, drawing
from tasks.report.study_page import write_page
from tasks.report.view import Chart, Figure
from tests.decisions import decision_of
from tests.imports import ROOT
from tests.markdown import HOSTILE

EXPERIMENTS = sorted(path.name for path in (ROOT / "results").glob("*/"))
VOID = {"meta", "link", "img", "br", "hr"}


class Elements(HTMLParser):
    """tags with their attributes, and the rows of the sortable table as their sort keys."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def keys(self) -> list[str | None]:
        return [
            attributes["data-key"]
            for tag, attributes in self.tags
            if tag == "td" and "data-key" in attributes
        ]


def page_of(experiment: str, results: Path, path: Path) -> str:
    stated = f"tasks/{experiment}/comparison"
    write_page(path, f"{stated}/page.html.j2", f"{stated}/view.json", results)
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_the_page_of_a_default_stands_by_itself(experiment: str, tmp_path: Path) -> None:
    results = ROOT / "results" / experiment
    text = page_of(experiment, results, tmp_path / "page.html")
    assert len(text.encode()) < 2_000_000
    found = Elements(text)
    assert found.open == []
    addresses = [
        str(value)
        for _, attributes in found.tags
        for name, value in attributes.items()
        if name in ("src", "href")
    ]
    assert all(each.startswith(("data:", "#")) for each in addresses)
    ids = {attributes.get("id") for _, attributes in found.tags}
    assert {each[1:] for each in addresses if each.startswith("#")} <= ids
    assert text == page_of(experiment, results, tmp_path / "again.html")


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_its_table_holds_every_cell_of_the_file(experiment: str, tmp_path: Path) -> None:
    results = ROOT / "results" / experiment
    with (results / "table.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    hidden = json.loads((ROOT / f"tasks/{experiment}/comparison/view.json").read_text()).get("hidden", {})
    rows = [row for row in rows if not any(row[name] == value for name, value in hidden.items())]
    keys = Elements(page_of(experiment, results, tmp_path / "page.html")).keys()
    width = len(keys) // len(rows)
    stated = json.loads((ROOT / f"tasks/{experiment}/comparison/view.json").read_text())["columns"]
    for number, row in enumerate(rows):
        assert keys[number * width : number * width + len(stated)] == [row[each["value"]] for each in stated]
    assert set(keys) <= {value for row in rows for value in row.values()}


def test_its_table_marks_what_was_chosen_and_its_control(tmp_path: Path) -> None:
    found = Elements(
        page_of("hybrid_calibrator", ROOT / "results" / "hybrid_calibrator", tmp_path / "page.html")
    )
    marked: dict[str, list[str | None]] = {}
    for at, (tag, attributes) in enumerate(found.tags):
        if tag == "tr" and (role := attributes.get("class")):
            cells = [each for name, each in found.tags[at + 1 : at + 3] if name == "td"]
            assert cells[1]["class"] == "name"
            marked.setdefault(role, []).append(cells[1]["data-key"])
    assert marked == {"control": ["control"] * 2, "chosen": ["lr_blend"] * 2}


HEADER = "option,dev_nll,accuracy,accuracy_low,accuracy_high,auc,nll,ece,ece_null_most,ece_p_most,delta_nll,delta_nll_low,delta_nll_high,verdict"


def speech(folder: Path, name: str) -> Path:
    results = folder / "speech"
    results.mkdir(parents=True)
    with (results / "table.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER.split(","))
        writer.writerow([name, *"0.5 0.8 0.7 0.9 0.8 0.5 0.1 0.1 0.2 0 0 0 control".split()])
        writer.writerow(["other", *"0.4 0.8 0.7 0.9 0.8 0.4 0.1 0.1 0.2 -0.1 -0.2 -0.05 holds".split()])
    decision = decision_of(name, name, [f"why {name}"])
    (results / "decision.json").write_text(json.dumps(decision), encoding="utf-8")
    (results / "report.md").write_text("# speech\n\n| a |\n| --- |\n| b |\n\n![seeds](seeds.png)\n")
    Image.fromarray(np.zeros((8, 9, 3), np.uint8)).save(results / "seeds.png")
    return results


def test_a_name_of_a_user_is_text_wherever_it_stands(tmp_path: Path) -> None:
    plain = Elements(
        page_of("speech_temperature", speech(tmp_path / "plain", "plain"), tmp_path / "plain.html")
    )
    for number, name in enumerate(HOSTILE):
        if "\udc80" in name or "\x00" in name:
            continue  # no CSV file holds it
        results = speech(tmp_path / str(number), name)
        found = Elements(page_of("speech_temperature", results, tmp_path / f"{number}.html"))
        assert [tag for tag, _ in found.tags] == [tag for tag, _ in plain.tags], name
        assert found.open == []


def test_a_report_points_to_pictures_that_stand_in_the_page_once(tmp_path: Path) -> None:
    text = page_of("speech_temperature", speech(tmp_path, "A"), tmp_path / "page.html")
    assert text.count("data:image/webp") == 1
    assert 'href="#picture-seeds"' in text


def test_a_page_that_is_too_large_is_an_error_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = speech(tmp_path, "A")
    monkeypatch.setattr(study_page, "MOST", 1000)
    with pytest.raises(InputError, match="1,000 are the most: smaller plots"):
        page_of("speech_temperature", results, tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


CHART = Chart("option", [Figure("F", "f", ("low", "high"), 0.5)], panel="label")


def row(option: str, label: str, f: str, low: str = "", high: str = "") -> dict[str, str]:
    return {"option": option, "label": label, "f": f, "low": low, "high": high}


def test_the_chart_marks_what_was_chosen_label_by_label() -> None:
    rows = [row(option, label, "0.5") for label in "xy" for option in "AB"]
    made = drawing(rows, CHART, {"chosen": {"x": "B", "y": "A"}, "control": "A"})
    assert made is not None
    assert [[each.role for each in panel.rows] for panel in made.panels] == [
        ["control", "chosen"],
        ["kept", ""],
    ]


def test_places_on_the_axis_are_in_the_order_of_the_figures_and_what_is_missing_has_none() -> None:
    rows = [row("A", "x", "0.2", "0.1", "0.4"), row("B", "x", "0.9", "0.8", "inf"), row("C", "x", "")]
    made = drawing(rows, CHART, {"chosen": "A", "control": "C"})
    assert made is not None
    first, second, third = (each.dots[0] for each in made.panels[0].rows)
    assert first.low is not None and first.at is not None and first.high is not None and second.at is not None
    assert 0 <= first.low < first.at < first.high < second.at <= WIDTH
    assert (second.high, third.at, third.text) == (None, None, "")
    reference = made.axes[0].reference
    assert reference is not None and first.high < reference < second.at


def test_a_mark_that_the_decision_has_is_its_own_and_none_where_it_has_none() -> None:
    chart = Chart("option", [Figure("F", "f", ("low", "high"), "evidence.edge.fails", "the edge")])
    rows, plain = [row("A", "x", "0.2"), row("B", "x", "0.6")], {"chosen": "A", "control": "A"}
    made = drawing(rows, chart, plain | {"evidence": {"edge": {"fails": 0.4}}})
    none = drawing(rows, chart, plain | {"evidence": {"edge": None}})
    assert made is not None and none is not None
    assert made.axes[0].reference == pytest.approx(WIDTH / 2, abs=0.1)
    assert (none.axes[0].reference, none.axes[0].named) == (None, "")


def test_an_option_that_was_not_run_has_no_row_but_the_control_has() -> None:
    rows = [row("A", "x", ""), row("B", "x", "0.5"), row("C", "x", "")]
    made = drawing(rows, CHART, {"chosen": "B", "control": "A"})
    assert made is not None
    assert [each.name for each in made.panels[0].rows] == ["A", "B"]


def test_without_figures_there_is_no_chart() -> None:
    assert (
        drawing(
            [row("A", "x", "")],
            Chart("option", [Figure("F", "f", ("low", "high"))]),
            {"chosen": "A", "control": "A"},
        )
        is None
    )
