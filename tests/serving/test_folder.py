"""An export is whole and what was exported, or one line says why not."""

import hashlib
import json
from pathlib import Path

import pytest

from serving import ExportError, load
from serving.folder import FORMAT, SUMS
from tests.serving.exports import recalibration_export, thresholds_export


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    return thresholds_export(tmp_path, {"a": 0.5, "b": 0.25})


def refused(folder: Path, experiment: str | None = None) -> str:
    with pytest.raises(ExportError) as error:
        load(folder, experiment)
    assert "\n" not in str(error.value)
    return str(error.value)


def sign(folder: Path) -> None:
    """As somebody does who edits a file and its checksum."""
    names = [path.name for path in sorted(folder.iterdir()) if path.name != SUMS]
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / SUMS).write_text("".join(lines))


def edit(folder: Path, **values: object) -> None:
    path = folder / "export.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_an_export_is_loaded(exported: Path) -> None:
    decision = load(exported, "fpr_thresholds")
    assert decision.labels == ("a", "b")
    assert decision.export.action == "ship"
    assert decision.export.provenance["commit"] == "c" * 40


@pytest.mark.parametrize("name", ["export.json", "decision.json", "thresholds.sql", "card.md", "schema.json"])
def test_an_edited_file_is_named(exported: Path, name: str) -> None:
    path = exported / name
    path.write_text(path.read_text().replace("0.5", "0.4").replace("ship", "keep") + "\n")
    assert f"{name}: is not the file that was exported" in refused(exported)


@pytest.mark.parametrize("name", ["export.json", "decision.json", "roboflow.json", SUMS])
def test_a_missing_file_is_named(exported: Path, name: str) -> None:
    (exported / name).unlink()
    assert name in refused(exported)


def test_a_file_of_another_export_is_told_even_with_checksums_made_anew(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    ours = thresholds_export(tmp_path / "a", {"a": 0.5})
    theirs = recalibration_export(tmp_path / "b", "temperature", {1: {"temperature": [2.0]}})
    (ours / "decision.json").write_bytes((theirs / "decision.json").read_bytes())
    assert "decision.json: is not the file" in refused(ours)
    sign(ours)
    assert "decision.json: is of speech_temperature, export.json is of fpr_thresholds" in refused(ours)


def test_another_experiment_than_the_one_that_was_asked_for(exported: Path) -> None:
    assert "is of fpr_thresholds; expected an export of head_sweep" in refused(exported, "head_sweep")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"format": FORMAT + 1}, f"is of format {FORMAT + 1}, this serving reads up to {FORMAT}"),
        ({"format": "1"}, "format '1' is none of ours"),
        ({"kind": "oracle"}, "kind 'oracle' is not known here"),
    ],
)
def test_what_this_version_does_not_know(exported: Path, values: dict[str, object], says: str) -> None:
    edit(exported, **values)
    sign(exported)
    assert says in refused(exported)


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    assert "has no export.json; expected a folder that `python -m flows.export` wrote" in refused(tmp_path)
    (tmp_path / "export.json").write_text("[1]")
    assert "expected an object" in refused(tmp_path)
    (tmp_path / "export.json").write_text("{")
    assert "not JSON" in refused(tmp_path)


def test_files_that_somebody_adds_do_no_harm(exported: Path) -> None:
    (exported / ".gitattributes").write_text("*.onnx filter=lfs\n")
    assert load(exported).labels == ("a", "b")
