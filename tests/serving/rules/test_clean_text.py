"""Cleaning makes one text of what a reader sees as one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.rules.clean_text import clean_text


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("Ｆｒｅｅ BTC", "free btc"),
        ("fr\u200bee\ufeff btc", "free btc"),
        ("  free \t\n btc ", "free btc"),
        ("FREE BTC", "free btc"),
        ("\u200b\u200b", ""),
    ],
)
def test_what_looks_alike_is_alike(raw: str, clean: str) -> None:
    assert clean_text(raw) == clean


@given(st.text())
@settings(derandomize=True, deadline=None)
def test_cleaning_twice_changes_white_space_and_case_no_more(text: str) -> None:
    once = clean_text(text)
    assert once == " ".join(once.split())
    assert once == once.lower()
