import pytest

from flows.walk.reasons import because


@pytest.mark.parametrize(
    ("reasons", "said"),
    [
        (["never ran"], "first run"),
        (["output artifacts/x/a.json is not in the cache", "output artifacts/x/b missing"], "its outputs are not here"),
        (["parameter x.compare.k changed"], "params changed: x.compare.k"),
        (
            ["dependency tasks/x/fit.py changed", "dependency methods/y.py changed", "dependency requirements.lock changed"],
            "code changed: tasks/x/fit.py, methods/y.py and 1 more",
        ),
        (["dependency data/x changed"], "input changed: data/x"),
        (["dependency artifacts/x/rows.json is new"], "input changed: artifacts/x/rows.json"),
        (["output results/x changed"], "output changed: results/x"),
        (
            ["output artifacts/x/a missing", "output results/x changed"],
            "output missing: artifacts/x/a; output changed: results/x",
        ),
        (["dependency data/x changed", "output artifacts/x/a missing"], "input changed: data/x"),
        (["forced"], "forced"),
        (["upstream b is stale"], "upstream b is stale"),
        ([], ""),
    ],
)  # fmt: skip
def test_reasons_are_said_as_a_user_would(reasons: list[str], said: str) -> None:
    assert because(reasons) == said
