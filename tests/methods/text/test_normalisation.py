"""Cleaning makes one text of what a reader sees as one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from methods.text.normalisation import clean_text, duplicate_groups


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


def test_groups_number_texts_in_order_of_appearance() -> None:
    assert duplicate_groups(["b", "a", "b"]).tolist() == [0, 1, 0]
