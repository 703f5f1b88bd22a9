"""Sets of stamps that grow: what was added before a kill stays, what was not is added again."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from storage.files.documents import write_json
from storage.lenses.growing_stamps import GrowingSets
from storage.lenses.stamps import SHAPE, new_set

NAMES = ("arcs", "placebo")
Pixels = NDArray[np.float16]


def stamps(count: int, first: int = 0) -> dict[str, Pixels]:
    numbers = np.arange(first, first + count)[:, None, None, None]
    return {name: (numbers + np.zeros(SHAPE) + i / 8).astype(np.float16) for i, name in enumerate(NAMES)}


def grown(folder: Path) -> GrowingSets:
    return GrowingSets(folder, NAMES, "val", 5)


def test_stamps_added_over_several_starts_are_those_of_one(tmp_path: Path) -> None:
    cache, out = tmp_path / "cache", tmp_path / "out"
    out.mkdir()
    grown(cache).add(stamps(2))
    again = grown(cache)
    assert again.filled == 2
    again.add(stamps(3, first=2))
    again.move(out)
    for name, pixels in stamps(5).items():
        whole = new_set(tmp_path, name, "val", 5)
        whole[:] = pixels
        whole.flush()
        assert (out / f"{name}_val.npy").read_bytes() == (tmp_path / f"{name}_val.npy").read_bytes()


def test_what_was_written_but_not_noted_is_written_again(tmp_path: Path) -> None:
    sets = grown(tmp_path)
    sets.add(stamps(2))
    sets.add(stamps(2, first=7))  # cut off before its note
    write_json(tmp_path / "val.json", {"filled": 2})
    again = grown(tmp_path)
    again.add(stamps(3, first=2))
    for name, pixels in stamps(5).items():
        assert np.array_equal(np.load(tmp_path / f"{name}_val.npy"), pixels)


def test_without_every_set_nothing_counts_as_filled(tmp_path: Path) -> None:
    grown(tmp_path).add(stamps(2))
    (tmp_path / "placebo_val.npy").unlink()
    assert grown(tmp_path).filled == 0
    assert grown(tmp_path).filled == 0


def test_sets_move_only_when_they_are_full(tmp_path: Path) -> None:
    sets = grown(tmp_path)
    sets.add(stamps(4))
    with pytest.raises(ValueError, match="4 of 5 stamps"):
        sets.move(tmp_path)


def test_sets_grow_together_and_not_beyond_their_end(tmp_path: Path) -> None:
    sets = grown(tmp_path)
    uneven = stamps(2)
    uneven["arcs"] = uneven["arcs"][:1]
    for wrong in ({"arcs": stamps(1)["arcs"]}, uneven):
        with pytest.raises(ValueError, match="as many stamps of each"):
            sets.add(wrong)
    with pytest.raises(ValueError, match="6 stamps, 5 are missing"):
        sets.add(stamps(6))
    with pytest.raises(ValueError, match="expected float16"):
        sets.add({name: pixels.astype(np.float32) for name, pixels in stamps(1).items()})
