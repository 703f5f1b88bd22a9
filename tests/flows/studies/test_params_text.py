"""What is set in a study's params.yaml: comments and order stay, and what is no key is refused."""

import pytest
from ruamel.yaml import YAML

from flows.studies.folder import StudyError
from flows.studies.params_text import from_example, stated, with_settings

TEXT = """# how to copy this
# and where to
runtime:
  cpu: {threads: 1} # one

toy: # a block
  split: {by: time, share: 0.5} # of time
  grids:
    - {encoders: [a, b], size: 1}
  column: null
"""


def test_comments_and_order_stay_and_the_first_lines_say_what_it_is() -> None:
    text = from_example(with_settings(TEXT, "toy", {"split.share": 0.25}), "mine: toy on a.csv")
    assert text.splitlines()[:2] == ["# mine: toy on a.csv", "runtime:"]
    assert "{by: time, share: 0.25} # of time" in text
    assert "cpu: {threads: 1} # one" in text
    assert "column: null" in text


def test_numbers_are_places_in_lists_and_short_values_stand_on_one_line() -> None:
    text = with_settings(TEXT, "toy", {"grids.0.encoders": ["x", "y", "z"], "column": {"a": None, "b": 1}})
    assert "{encoders: [x, y, z], size: 1}" in text
    assert "column: {a: null, b: 1}" in text
    assert YAML(typ="safe").load(text)["toy"]["column"] == {"a": None, "b": 1}


@pytest.mark.parametrize("key", ["splt.by", "split.bye", "grids.1.size", "column.a"])
def test_a_key_that_is_not_there_is_refused_with_those_that_are(key: str) -> None:
    with pytest.raises(StudyError, match=f"toy has no {key}"):
        with_settings(TEXT, "toy", {key: 1})


def test_values_are_yaml_and_the_experiments_name_may_be_left_out() -> None:
    assert stated(["toy.a.b=0.5", "c=[x, y]", "d=null"], "toy") == {"a.b": 0.5, "c": ["x", "y"], "d": None}
    for wrong in ("a", "=1"):
        with pytest.raises(StudyError, match="expected key=value"):
            stated([wrong], "toy")
    with pytest.raises(StudyError, match="no value of YAML"):
        stated(["a=[1"], "toy")
