"""Batches are taken once, all or none; the record carries the evidence on, and begins anew with what is adopted."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from storage.files.inputs import InputError
from tasks.fpr_thresholds.use import monitor
from tasks.watch.lines import basis_sentence, headline, lines, moved, overall, page, sentences_of
from tasks.watch.record import WatchState, read_watch, watch_folder
from tasks.watch.taking import current_state, files_of, take, untaken
from tests.watched import EXPERIMENT, adopt, batch, watched_root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return watched_root(tmp_path / "root")


def state(root: Path, risk: float | None = None) -> WatchState:
    return current_state(root, EXPERIMENT, monitor, risk)


def test_in_one_go_or_one_by_one_through_the_record(root: Path, tmp_path: Path) -> None:
    files = [batch(tmp_path / f"b{number}.csv", 0.03, 300, seed=number) for number in range(3)]
    whole = take(root, state(root), monitor, files)
    folder = watch_folder(root, EXPERIMENT)
    once = (folder / "watch.json").read_text()
    (folder / "watch.json").unlink()
    for path in files:
        take(root, state(root), monitor, [path])
    again = read_watch(root, EXPERIMENT)
    assert again is not None
    assert again.batches == whole.batches
    assert again.means["positive"].bad == whole.means["positive"].bad == 27
    np.testing.assert_allclose(
        again.means["positive"].above.later, whole.means["positive"].above.later, rtol=1e-9
    )
    assert again.ranks["positive"].counts.tolist() == whole.ranks["positive"].counts.tolist()
    assert len(once) == pytest.approx(len((folder / "watch.json").read_text()), rel=0.02)
    assert {path.name for path in (folder / "batches").iterdir()} == {
        f"0000{i + 1}-b{i}.csv" for i in range(3)
    }


def test_the_same_rows_count_once_whatever_the_file_is_called(root: Path, tmp_path: Path) -> None:
    first = batch(tmp_path / "a.csv", 0.01, 100)
    other = tmp_path / "b.csv"
    other.write_bytes(first.read_bytes())
    after = take(root, state(root), monitor, [first])
    with pytest.raises(InputError, match=r"b\.csv: was taken already, as a\.csv"):
        take(root, state(root), monitor, [other])
    with pytest.raises(InputError, match="was taken already"):
        take(root, after, monitor, [batch(tmp_path / "c.csv", 0.5, 7), tmp_path / "c.csv"])
    assert untaken(after, [first, other, tmp_path / "c.csv"]) == [tmp_path / "c.csv"]


def test_of_batches_of_which_one_is_refused_none_is_taken(root: Path, tmp_path: Path) -> None:
    good, bad = batch(tmp_path / "a.csv", 0.01, 100), tmp_path / "bad.csv"
    bad.write_text("id,score,label\n1,0.5,0\n2,1.5,0\n")
    with pytest.raises(InputError, match=r"bad\.csv, row 3, field score"):
        take(root, state(root), monitor, [good, bad])
    assert read_watch(root, EXPERIMENT) is None


def test_a_kill_before_the_record_is_written_leaves_the_old_state(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(root, state(root), monitor, [batch(tmp_path / "a.csv", 0.01, 100)])
    before = read_watch(root, EXPERIMENT)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("tasks.watch.taking.write_watch", killed)
        with pytest.raises(KeyboardInterrupt):
            take(root, state(root), monitor, [batch(tmp_path / "b.csv", 0.01, 100, seed=1)])
    after = read_watch(root, EXPERIMENT)
    assert before is not None
    assert after is not None
    assert after.batches == before.batches
    assert len(take(root, state(root), monitor, [tmp_path / "b.csv"]).batches) == 2


def test_other_thresholds_begin_anew_and_keep_what_was_taken(root: Path, tmp_path: Path) -> None:
    file = batch(tmp_path / "a.csv", 0.2, 600)
    assert overall(take(root, state(root), monitor, [file])) == "broken"
    adopt(root, 0.99)
    again = state(root)
    assert (again.era, overall(again), len(again.batches), again.counted) == (2, "open", 1, [])
    with pytest.raises(InputError, match="was taken already"):
        take(root, again, monitor, [file])
    assert overall(take(root, again, monitor, [batch(tmp_path / "b.csv", 0.2, 800, seed=1)])) == "kept"


def test_the_risk_is_for_life(root: Path, tmp_path: Path) -> None:
    take(root, state(root, 0.01), monitor, [batch(tmp_path / "a.csv", 0.01, 100)])
    assert state(root).risk == state(root, 0.01).risk == 0.01
    with pytest.raises(InputError, match=r"began with a risk of 0\.01"):
        state(root, 0.1)


def test_a_damaged_record_is_one_line(root: Path, tmp_path: Path) -> None:
    take(root, state(root), monitor, [batch(tmp_path / "a.csv", 0.01, 100)])
    record = watch_folder(root, EXPERIMENT) / "watch.json"
    text = record.read_text()
    for broken in (
        text[:100],
        "[]",
        text.replace('"format": 1', '"format": 2'),
        text.replace('"bets"', '"bots"'),
    ):
        record.write_text(broken)
        with pytest.raises(InputError) as refusal:
            state(root)
        assert "\n" not in str(refusal.value)


def test_what_is_said_begins_with_the_verdict(root: Path, tmp_path: Path) -> None:
    opened = state(root)
    assert headline(opened) == "open: no batch was taken yet"
    opened = take(root, opened, monitor, [batch(tmp_path / "week1.csv", 0.01, 200)])
    assert headline(opened).startswith("open: positive needs about ")
    assert sentences_of(lines(opened)[0])[1].endswith("of 200 negatives, at most 2.0% allowed")
    kept = take(root, opened, monitor, [batch(tmp_path / "week2.csv", 0.001, 2000)])
    assert headline(kept) == "kept: positive, over 2,200 rows of 2 batches"
    broken = take(root, kept, monitor, [batch(tmp_path / "week3.csv", 0.25, 400)])
    crossing = broken.means["positive"].broken
    assert crossing is not None
    assert headline(broken).startswith(f"broken: positive since row {crossing.row} of week3.csv: 4.0% [")
    assert headline(broken).endswith("of 2,600 negatives, at most 2.0% allowed")
    assert crossing.row == crossing.n - 2200 + 1
    assert "5%" in basis_sentence(broken)
    assert f"**{headline(broken)}**" in page(broken, "mine").replace("\\_", "_").replace("\\", "")


def test_rows_without_labels_show_that_scores_moved(root: Path, tmp_path: Path) -> None:
    still = take(root, state(root), monitor, [batch(tmp_path / "a.csv", 0, 100, labelled=False)])
    assert overall(still) == "open"
    assert headline(still) == "open: no row with a label was taken yet"
    high = tmp_path / "high.csv"
    pd.DataFrame({"id": range(300), "score": np.linspace(0.6, 0.99, 300)}).to_csv(high, index=False)
    after = take(root, still, monitor, [high])
    (sentence,) = moved(after)
    assert sentence.startswith(
        "scores of positive moved up, shown by high.csv: that breaks nothing by itself; label some"
    )


def test_scores_that_moved_are_no_alarm_where_labels_show_that_the_promise_is_kept(
    root: Path, tmp_path: Path
) -> None:
    path = tmp_path / "high.csv"
    pd.DataFrame({"id": range(300), "score": np.linspace(0.6, 0.99, 300)}).to_csv(path, index=False)
    kept = take(root, state(root), monitor, [batch(tmp_path / "a.csv", 0.001, 2000), path])
    assert overall(kept) == "kept"
    (sentence,) = [each for each in moved(kept) if "high.csv" in each or "a.csv" in each]
    assert ": no alarm, for rows with labels show that what was promised holds" in sentence
    broken = take(root, kept, monitor, [batch(tmp_path / "b.csv", 0.25, 1000)])
    assert overall(broken) == "broken"
    assert "that may be why; see whether" in moved(broken)[0]


def test_positives_do_not_count_against_the_budget(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    pd.DataFrame({"id": range(50), "score": 0.95, "label": [1] * 49 + [0]}).to_csv(path, index=False)
    watch = take(root, state(root), monitor, [path]).means["positive"]
    assert (watch.n, watch.bad) == (1, 1)


def test_places_are_folders_patterns_or_files(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", ".partial.csv", "c.txt"):
        batch(tmp_path / "in" / name, 0, 3)
    names = [path.name for path in files_of(str(tmp_path / "in"), tmp_path)]
    assert names == ["a.csv", "b.csv", "c.txt"]
    assert [path.name for path in files_of("in/*.csv", tmp_path)][-2:] == ["a.csv", "b.csv"]
    assert [path.name for path in files_of("in/a.csv", tmp_path)] == ["a.csv"]
    assert files_of("none/*.csv", tmp_path) == []
    with pytest.raises(InputError, match="no such file or folder"):
        files_of("nowhere", tmp_path)


def test_rows_without_times_count_in_no_order_unless_they_came_so(root: Path, tmp_path: Path) -> None:
    """A file that is sorted by score begins with all that fires."""
    path = tmp_path / "sorted.csv"
    scores = np.where(np.arange(2000) < 30, 0.95, 0.1)
    pd.DataFrame({"id": range(2000), "score": scores, "label": 0}).to_csv(path, index=False)
    assert overall(take(root, state(root), monitor, [path])) == "open"
    (watch_folder(root, EXPERIMENT) / "watch.json").unlink()
    stated = take(root, state(root), monitor, [path], in_order=True)
    assert headline(stated).startswith("broken: positive since row ")
    (watch_folder(root, EXPERIMENT) / "watch.json").unlink()
    pd.DataFrame({"id": range(900), "score": [0.95] * 60 + [0.1] * 840, "label": 0}).to_csv(path, index=False)
    assert headline(take(root, state(root), monitor, [path])).startswith(
        "broken: positive since sorted.csv: 6.7% ["
    )


def test_rows_with_times_count_in_their_order(root: Path, tmp_path: Path) -> None:
    file = batch(tmp_path / "a.csv", 0.05, 3000)
    rows = pd.read_csv(file)
    crossing = take(root, state(root), monitor, [file]).means["positive"].broken
    (watch_folder(root, EXPERIMENT) / "watch.json").unlink()
    rows[::-1].to_csv(file, index=False)
    again = take(root, state(root), monitor, [file]).means["positive"].broken
    assert crossing is not None
    assert again is not None
    assert (again.n, again.row) == (crossing.n, 3000 + 3 - crossing.row)
