"""Equal texts share a number."""

from methods.text.duplicates import duplicate_groups


def test_groups_number_texts_in_order_of_appearance() -> None:
    assert duplicate_groups(["b", "a", "b"]).tolist() == [0, 1, 0]
