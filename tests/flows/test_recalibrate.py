"""A watch's labelled rows as a study of their own: which rows, by which rules, and what is refused in one line."""

from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from flows import monitor
from flows.studies.folder import StudyError
from flows.watching.recalibration import later_data, recalibrated
from flows.watching.watch import state_of
from tests.watched import EXPERIMENT, adopt, batch, watched_root


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = watched_root(tmp_path / "root")
    (made / "params.yaml").write_text("runtime: {}\n" + (made / "params.yaml").read_text() + "other: {}\n")
    (made / "data" / EXPERIMENT).mkdir(parents=True)
    (made / "data" / EXPERIMENT / "scores.csv").write_text("id,score,label\n1,0.5,0\n")
    (made / "data" / EXPERIMENT / "manifest.json").write_text("{}")
    (made / "run_stage.py").write_text("")
    monkeypatch.chdir(made)
    monkeypatch.setattr("flows.studies.inside.refreshed", lambda _: False)
    return made


def taken(root: Path, *files: Path) -> None:
    for file in files:
        assert monitor.main([EXPERIMENT, "--batch", str(file)]) in (0, 3)


def made(root: Path, name: str, since: str | None = None) -> tuple[Path, list[str]]:
    return recalibrated(root, EXPERIMENT, name, later_data(root, state_of(root, EXPERIMENT), since), {})


def test_the_labelled_rows_since_the_last_adoption_are_its_data(root: Path, tmp_path: Path) -> None:
    first, second, none = (tmp_path / f"{name}.csv" for name in ("old", "new", "unlabelled"))
    taken(root, batch(first, 0.01, 50))
    adopt(root, 0.8)
    taken(root, batch(second, 0.01, 70, seed=1), batch(none, 0.01, 30, seed=2, labelled=False))
    third = batch(tmp_path / "third.csv", 0.01, 40, seed=3)
    third.write_text(third.read_text().replace("id,score", "name,score"))
    taken(root, third)
    before = {
        path: path.read_bytes() for path in root.rglob("*") if path.is_file() and ".dvc" not in path.parts
    }
    folder, left_out = made(root, "again")
    rows = pd.read_parquet(folder / "data" / EXPERIMENT / "scores.parquet")
    written = [pd.read_csv(path, dtype=str) for path in (second, third)]
    assert rows["score"].tolist() == pd.concat(written)["score"].tolist()
    assert left_out == ["id", "name"]
    assert sorted(path.name for path in (folder / "data" / EXPERIMENT).iterdir()) == ["scores.parquet"]
    params = YAML(typ="safe").load(folder / "params.yaml")
    assert list(params) == ["runtime", EXPERIMENT]
    theirs = YAML(typ="safe").load(root / "params.yaml")[EXPERIMENT]
    theirs["prepare"]["scores"] = "scores.parquet"
    assert params[EXPERIMENT] == theirs
    assert all(path.read_bytes() == content for path, content in before.items())


def test_from_a_batch_on_and_never_over_a_study(root: Path, tmp_path: Path) -> None:
    taken(root, *(batch(tmp_path / f"{n}.csv", 0.01, 50 + n, seed=n) for n in range(3)))
    folder, _ = made(root, "later", "1.csv")
    assert len(pd.read_parquet(folder / "data" / EXPERIMENT / "scores.parquet")) == 51 + 52
    with pytest.raises(StudyError, match="studies/later is there already"):
        made(root, "later")
    with pytest.raises(
        StudyError, match=r"no batch that counts is called '9.csv'; there are 0.csv, 1.csv, 2.csv"
    ):
        made(root, "other", "9.csv")
    assert not (root / "studies" / "other").exists()


def test_files_with_labels_of_two_kinds_are_not_joined_and_nothing_is_left(
    root: Path, tmp_path: Path
) -> None:
    other = batch(tmp_path / "b.csv", 0.01, 60, seed=1)
    other.write_text(other.read_text().replace(",label,", ",label:positive,"))
    taken(root, batch(tmp_path / "a.csv", 0.01, 50), other)
    with pytest.raises(StudyError, match=r"00002-b.csv: lacks column\(s\) label, which other files have"):
        made(root, "mixed")
    assert not (root / "studies").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([EXPERIMENT, "--recalibrate", "new"], "no rows with labels were taken since the last adoption"),
        (
            ["hybrid_calibrator", "--recalibrate", "new"],
            "which nothing can be calibrated on; bring the data itself",
        ),
        (["hybrid_calibrator"], "is missing, so there is nothing to watch yet"),
        ([EXPERIMENT, "--since", "a.csv"], "--set and --since are for the study that --recalibrate makes"),
    ],
)
@pytest.mark.usefixtures("root")
def test_refusals_are_one_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert monitor.main(arguments) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
