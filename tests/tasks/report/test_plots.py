"""Pictures: colours that nobody takes for one another, labels that do not lie on each other, the same bytes again."""

import re
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text
from numpy.typing import NDArray

from tasks.report.plots import (
    CHOSEN,
    CONTROL,
    INK,
    OTHER,
    PointLabel,
    Roles,
    blank,
    edge,
    ends,
    labelled,
    panel,
    reach,
    rows,
    spread,
    write,
)
from tests.imports import ROOT

Array = NDArray[np.float64]
CSS = (ROOT / "tasks/report/page.css.j2").read_text()
# Machado, Oliveira, Fernandes: A Physiologically-based Model for Simulation of Color Vision Deficiency (2009), severity 1
BLINDNESS = {
    "none": np.eye(3),
    "protan": np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
    "deutan": np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
    "tritan": np.array([[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]]),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = TO_XYZ.sum(axis=1)


def lab(colour: str, blindness: str) -> Array:
    encoded = np.array(to_rgb(colour))
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    x, y, z = np.cbrt(TO_XYZ @ np.clip(BLINDNESS[blindness] @ linear, 0, 1) / WHITE)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def of_page(name: str, dark: bool) -> str:
    found = re.findall(rf"--{name}: (#[0-9a-f]{{6}})", CSS)
    return str(found[dark])


THEMES = {
    "pictures": (CHOSEN, CONTROL, OTHER, INK),
    "light": (of_page("chosen", False), of_page("control", False), OTHER),
    "dark": (of_page("chosen", True), of_page("control", True), OTHER),
}


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("blindness", BLINDNESS)
def test_nobody_takes_the_colours_of_the_roles_for_one_another(theme: str, blindness: str) -> None:
    distance = {
        pair: float(np.linalg.norm(lab(pair[0], blindness) - lab(pair[1], blindness)))
        for pair in combinations(THEMES[theme], 2)
    }
    assert min(distance.values()) > 15, distance  # a just noticeable difference is about 2.3


def test_pages_and_pictures_mark_the_choice_in_the_same_colours() -> None:
    assert (of_page("chosen", False), of_page("control", False)) == (CHOSEN, CONTROL)


def test_an_option_that_is_chosen_and_the_control_is_kept() -> None:
    assert Roles("a", "a").label("a") == "a (kept)"
    assert Roles("a", "b").label("b") == "b (control)"
    assert Roles("a", "control").label("control") == "control"
    assert Roles("a", "b").label("c") == "c"


def texts(labels: list[PointLabel]) -> list[tuple[str, Array]]:
    figure = blank(3.0, "a title")
    ax = figure.subplots()
    ax.set(xlim=(0, 1), ylim=(0, 1))
    labelled(ax, labels)
    return [(each.get_text(), each.get_window_extent().get_points()) for each in ax.texts if each.get_text()]


def test_labels_of_near_points_do_not_lie_on_each_other() -> None:
    points = [(0.5, 0.5), (0.51, 0.5), (0.5, 0.52), (0.52, 0.53), (0.95, 0.5), (0.97, 0.52)]
    placed = texts([PointLabel(x, y, f"option number {i}") for i, (x, y) in enumerate(points)])
    assert len(placed) == len(points)
    for (_, one), (_, other) in combinations(placed, 2):
        assert (one[1] < other[0]).any() or (other[1] < one[0]).any()


def test_points_at_one_place_share_a_label_that_begins_with_the_marked_one() -> None:
    chosen = Roles("c", None).style("c")
    labels = [
        PointLabel(0.5, 0.5, "a"),
        PointLabel(0.5, 0.5, "b"),
        PointLabel(0.5, 0.5, "c (chosen)", chosen),
    ]
    assert [text for text, _ in texts(labels)] == ["c (chosen) and 2 alike"]
    assert [text for text, _ in texts(labels[:2])] == ["a, b"]
    assert texts([PointLabel(0.5, 0.5, "")]) == []


def test_a_label_leaves_free_the_intervals_of_others() -> None:
    labels = [PointLabel(0.2, 0.5, "left"), PointLabel(0.5, 0.5, "", across=(0.1, 0.9), along=(0.3, 0.7))]
    level = texts(labels[:1])[0][1].mean(axis=0)[1]  # of the point, beside which the label would stand
    ((_, (low, high)),) = texts(labels)
    assert not low[1] < level < high[1]


def test_names_of_lines_stand_beside_the_panel_in_the_order_of_their_ends() -> None:
    figure = blank(3.0, "a title")
    ax = figure.subplots()
    ax.set(xlim=(0, 1), ylim=(0, 1))
    names = {"a": 0.98, "b (kept)": 0.99, "c": 0.97, "d": 0.2}
    ends(ax, [PointLabel(0.9, height, name) for name, height in names.items()])
    figure.draw_without_rendering()
    boxes = {each.get_text(): Text.get_window_extent(each) for each in ax.texts}
    heights = [boxes[name].y0 for name in sorted(names, key=lambda name: names[name])]
    assert all(low + 10 < high for low, high in pairwise(heights))
    assert all(box.x0 > ax.get_window_extent().x1 for box in boxes.values())


@pytest.mark.parametrize(
    ("heights", "found"),
    [
        ([], []),
        ([1, 5, 9], [1, 5, 9]),
        ([1, 1, 1], [1, 3, 5]),
        ([1, 9, 9], [1, 8, 10]),
        ([10, 10, 10], [6, 8, 10]),
    ],
)
def test_heights_are_spread_as_little_as_leaves_them_apart(heights: list[float], found: list[float]) -> None:
    assert spread(heights, 2, 10) == found


def drawn(path: Path) -> bytes:
    figure = blank(2.0, "title", "how it is read")
    ax = figure.subplots()
    rows(ax, ["a", "b"], [Roles("b", "a").style(each) for each in "ab"])
    reach(ax, 0, 0.4, (0.2, 0.6), Roles("b", "a").style("a"))
    edge(ax, 0.5, "budget 50%")
    panel(ax, "a panel", "across", edged=True)
    write(path, figure)
    return path.read_bytes()


def test_a_picture_has_the_same_bytes_again(tmp_path: Path) -> None:
    assert drawn(tmp_path / "one.png") == drawn(tmp_path / "two.png")
