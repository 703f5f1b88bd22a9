"""Ten questions: each answer of docs/questions.md stands where it says, on the page that the default results make."""

import html
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tasks.report.study_page import write_page
from tests.imports import ROOT

TOP = "the first lines"
ROW = re.compile(r"\| (.+?\?) \| (.+?) \| (\w+) \| (.+?) \|")
QUESTIONS = ROW.findall((ROOT / "docs" / "questions.md").read_text(encoding="utf-8"))


@cache
def parts(experiment: str) -> Mapping[str, str]:
    """Where on the page -> its text."""
    stated = f"tasks/{experiment}/comparison"
    with TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        write_page(path, f"{stated}/page.html.j2", f"{stated}/view.json", ROOT / "results" / experiment)
        page = path.read_text(encoding="utf-8")
    (card,) = re.findall(r'<section class="card.*?</section>', page, re.DOTALL)
    pieces = re.split(r'<h2>|<details id="\w+"><summary>', page)[1:]
    titled = {re.split(r"</h2>|<span>|</summary>", each)[0].strip(): words(each) for each in pieces}
    return {TOP: words(card), **titled}


def words(markup: str) -> str:
    bare = re.sub(r"</?(?:b|i|code)>", "", markup)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", bare)).split())


def test_there_are_ten() -> None:
    assert len(QUESTIONS) == 10
    assert len({study for _, _, study, _ in QUESTIONS}) == 5


@pytest.mark.parametrize(("question", "answer", "study", "where"), QUESTIONS)
def test_an_answer_stands_where_it_is_said_to(question: str, answer: str, study: str, where: str) -> None:
    text = parts(study)[where]
    for piece in answer.split(" ... "):
        assert piece in text, f"{question}: {where} of the page of {study} has no {piece!r}"


def test_what_does_not_stand_there_is_missed() -> None:
    assert "Is promo hopeless" not in parts("fpr_thresholds")[TOP]
    with pytest.raises(KeyError):
        parts("fpr_thresholds")["a part that no page has"]
