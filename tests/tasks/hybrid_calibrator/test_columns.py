"""Which columns an XGBoost model sees, with embedding and probabilities, one of them, or neither."""

import numpy as np
import pytest

from tasks.hybrid_calibrator.model.columns import columns, distinct_sets, same_set

EMBEDDED = ["clf_emb_rp::0000", "clf_emb_rp::0001"]
CLASSES = ["clf_prob::bolt"]


@pytest.mark.parametrize(
    ("names", "distinct"),
    [
        ([*EMBEDDED, *CLASSES], ["structured", "without_embedding", "all"]),
        (EMBEDDED, ["structured", "all"]),
        (CLASSES, ["structured", "without_embedding"]),
        ([], ["structured"]),
    ],
)
def test_sets_with_the_same_columns_are_one(names: list[str], distinct: list[str]) -> None:
    assert distinct_sets(names) == distinct
    assert {same_set(each, names) for each in ("structured", "without_embedding", "all")} == set(distinct)


def test_each_set_holds_its_columns() -> None:
    dense, structured = np.array([[1, 2, 3]]), np.array([[4, 5]])
    found = {
        name: np.hstack(columns(name, [*EMBEDDED, *CLASSES], dense, structured)).tolist()
        for name in ("structured", "without_embedding", "all")
    }
    assert found == {"structured": [[4, 5]], "without_embedding": [[3, 4, 5]], "all": [[1, 2, 3, 4, 5]]}
