"""Names from people's files are words in a page, whatever characters they have."""

import pandas as pd
import pytest

from storage.files.markdown import bullets, finished, markdown_table, marked, unmarked
from tasks.report.figures import printable
from tests.markdown import HOSTILE, shape, words


def one_line(text: str) -> str:
    return " ".join(printable(text).split())


def page(name: str) -> str:
    """Every place a name can have: a line of its own, a bullet, a cell, behind words, in bold."""
    own = "# Title\n\n{}\n\n- {}\n- also {}\n\n| {} | value |\n| --- | --- |\n| 1 | {} |\n\n**{}** and *{}*: {}\n"
    text = marked(own.replace("{}", "\x00")).replace("\x00", name)
    return finished(printable(text))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_page_has_the_shape_of_one_with_plain_names(name: str) -> None:
    assert shape(page(name)) == shape(page("plain"))


@pytest.mark.parametrize("name", [name for name in HOSTILE if "\\" not in name])
def test_the_name_reads_as_it_is(name: str) -> None:
    assert one_line(name).replace(" ", "") in words(page(name)).replace(" ", "")


@pytest.mark.parametrize(
    "text",
    [
        "N1_guaranteed", "base @ wide middle ls0.1", "-0.3", "+3.0 points [-1.8, +7.6]: cannot tell", "p < .001", "R&D",
        "0.5 (12/24)", "1.5 arcsec", "2024-05-01", "wrong: 1, 2", "[0.1, 0.2] (x)", "Ärger, 図", "x" * 300,
    ],
)  # fmt: skip
def test_what_figures_and_names_usually_are_stays_as_it_is(text: str) -> None:
    assert finished(text) == text


def test_a_table_of_names_keeps_its_cells() -> None:
    table = pd.DataFrame({"a|b": ["x|y", "<i>"], "c": [1, 2]})
    assert shape(markdown_table(table)) == shape(markdown_table(pd.DataFrame({"a": ["x", "y"], "c": [1, 2]})))
    assert markdown_table(pd.DataFrame({"a": [1], "b": ["x"]})) == "| a | b |\n| --- | --- |\n| 1 | x |"


def test_bullets_are_as_many_as_lines() -> None:
    assert shape(finished(bullets(["a", "b"]))) == shape(finished(bullets(["- a", "# b"])))
    assert unmarked(bullets(["a", "b"])) == "- a\n- b"


@pytest.mark.parametrize("name", HOSTILE)
def test_a_terminal_gets_no_control_characters(name: str) -> None:
    assert printable(name).isprintable()


def test_letters_of_all_scripts_are_printable() -> None:
    assert printable("नि\u200dके, e\u0301, 👩\u200d🔬") == "नि\u200dके, e\u0301, 👩\u200d🔬"
