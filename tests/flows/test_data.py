import shutil
import sys
from pathlib import Path

import pytest

from flows import data
from flows.pinned import data_folder, data_pin
from flows.pinned.errors import DataError
from flows.walk.reproduction import reproduce
from tests.flows.conftest import DIAMOND, Toy

SIMULATE = """
import hashlib, json, pathlib, sys
from ruamel.yaml import YAML
name = sys.argv[1].split(".")[1]
params = YAML(typ="safe").load(pathlib.Path("params.yaml"))[name]["simulate"]
code = pathlib.Path("simulators", name + ".py").read_bytes()
folder = pathlib.Path("data", name)
folder.mkdir(parents=True, exist_ok=True)
(folder / "rows.csv").write_text("row\\n" * params["rows"] + code.decode())
manifest = {"simulator": name, "params": params, "code": hashlib.sha256(code).hexdigest()}
(folder / "manifest.json").write_text(json.dumps(manifest))
"""


@pytest.fixture
def simulated(toy: Toy, capsys: pytest.CaptureFixture[str]) -> Path:
    """A repository with two simulated experiments, pinned and in the cache."""
    root = toy(DIAMOND)
    set_rows(root, 3)
    (root / "run_stage.py").write_text(SIMULATE)
    (root / "simulators").mkdir()
    for name in ("one", "two"):
        (root / "simulators" / f"{name}.py").write_text("# 1\n")
    assert data.main(["--pin"]) == 0
    capsys.readouterr()
    assert data_folder.check(root) == []
    return root


def set_rows(root: Path, rows: int) -> None:
    (root / "params.yaml").write_text(
        f"one: {{simulate: {{rows: {rows}}}}}\ntwo: {{simulate: {{rows: 2}}}}\nx: 1\n"
    )


def lose(root: Path, *folders: str) -> None:
    for folder in folders:
        shutil.rmtree(root / folder)


def problems(root: Path) -> str:
    return "\n".join(map(str, data_folder.check(root)))


def pin_of(root: Path) -> bytes:
    return (root / "data.dvc").read_bytes()


def test_every_walk_stops_where_data_is_not_what_it_should_be(simulated: Path) -> None:
    lose(simulated, "data")
    with pytest.raises(DataError, match=r"data/ is missing\n  -> `make data` pulls it"):
        reproduce(prefect=False)


def test_lost_data_comes_back_from_the_cache_or_from_the_simulators_without_a_new_pin(
    simulated: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pin = pin_of(simulated)
    lose(simulated, "data")
    assert data.main([]) == 0
    assert "restored from DVC's cache" in capsys.readouterr().out
    lose(simulated, "data", ".dvc/cache")
    assert data.main([]) == 0
    assert "simulating data/one\nsimulating data/two\ndata/ matches data.dvc" in capsys.readouterr().out
    lose(simulated, "data")
    assert data_pin.restore_data(simulated), "what was simulated went into the cache"
    assert pin_of(simulated) == pin


def test_a_remote_that_cannot_be_used_is_named_before_data_is_simulated_instead(
    simulated: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with (simulated / ".dvc" / "config").open("a") as config:
        config.write("    remote = store\n['remote \"store\"']\n    url = s3://bucket/prefix\n")
    monkeypatch.setitem(sys.modules, "dvc_s3", None)
    lose(simulated, "data", ".dvc/cache")
    assert data.main([]) == 0
    said = capsys.readouterr().out
    assert "the DVC remote 'store' (s3://bucket/prefix) needs dvc-s3, which is not installed here" in said
    assert "so data/ is simulated instead\nsimulating data/one\n" in said
    lose(simulated, "data", ".dvc/cache")
    (simulated / "params.yaml").write_text("x: 1\n")
    assert data.main([]) == 1, "nothing else has it"
    assert "needs dvc-s3" in capsys.readouterr().err


@pytest.mark.parametrize("cached", [True, False])
def test_a_lost_folder_comes_back(simulated: Path, cached: bool) -> None:
    lose(simulated, "data/two", *([] if cached else [".dvc/cache"]))
    changed = "two/manifest.json, two/rows.csv" if cached else "two/"
    assert problems(simulated).startswith(
        f"data/ is not what data.dvc pins: {changed} changed\n  -> `make data`"
    )
    assert data.main([]) == 0


def test_data_of_another_commit_is_replaced(simulated: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = pin_of(simulated)
    set_rows(simulated, 4)
    data.main(["--pin"])
    set_rows(simulated, 3)
    (simulated / "data.dvc").write_bytes(first)
    assert problems(simulated).count("-> `make data` makes it again") == 1
    capsys.readouterr()
    assert data.main([]) == 0
    assert "simulating" not in capsys.readouterr().out
    assert pin_of(simulated) == first


def test_data_simulated_with_other_parameters_or_code_is_named(simulated: Path) -> None:
    set_rows(simulated, 4)
    assert problems(simulated) == (
        "data/one was simulated with other parameters than params.yaml has: rows\n"
        "  -> `python -m flows.data --pin` simulates what is stale and pins data/ as it then is"
    )
    set_rows(simulated, 3)
    (simulated / "simulators" / "two.py").write_text("# 2\n")
    assert problems(simulated).startswith("simulators/two.py changed since data/two was made\n  -> `python")


def test_pinning_simulates_what_is_stale_alone(simulated: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pin = pin_of(simulated)
    set_rows(simulated, 4)
    assert data.main([]) == 1, "make data must not pin by itself"
    assert pin_of(simulated) == pin
    assert data.main(["--pin"]) == 0
    assert "simulating data/one\ndata.dvc pins" in capsys.readouterr().out
    assert pin_of(simulated) != pin
    assert data_folder.check(simulated) == []


@pytest.mark.parametrize(
    ("left_in_cache", "named"), [("*.dir", "two/manifest.json, two/rows.csv"), ("none", "two/")]
)
def test_a_simulator_that_makes_something_else_than_the_pin_is_an_error_that_names_the_experiment(
    simulated: Path, capsys: pytest.CaptureFixture[str], left_in_cache: str, named: str
) -> None:
    pin = pin_of(simulated)
    lose(simulated, "data")
    for path in (simulated / ".dvc" / "cache").rglob("*"):
        if path.is_file() and not path.match(left_in_cache):
            path.unlink()
    (simulated / "simulators" / "two.py").write_text("# other arithmetic\n")
    assert data.main([]) == 1
    printed = capsys.readouterr().err
    assert f"is not what data.dvc pins: {named} differ\n" in printed
    assert "--pin` pins the data of this machine" in printed
    assert pin_of(simulated) == pin


def test_a_users_own_data_is_reported_and_never_overwritten(
    simulated: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lose(simulated, "data/one")
    (simulated / "data" / "one").mkdir()
    for i in range(7):
        (simulated / "data" / "one" / f"mine{i}.csv").write_text("mine\n")
    assert data.main([]) == 1
    printed = capsys.readouterr().err
    assert (
        "one/manifest.json, one/mine0.csv, one/mine1.csv, one/mine2.csv, one/mine3.csv and 4 more" in printed
    )
    assert "`dvc add data` adopts it; `dvc checkout data` brings the pinned data back" in printed
    assert sorted(path.name for path in (simulated / "data" / "one").iterdir()) == [
        f"mine{i}.csv" for i in range(7)
    ]
    data_pin.pin_data(simulated)
    assert data_folder.check(simulated) == []


def test_an_edited_simulated_file_is_reported_and_kept(simulated: Path) -> None:
    (simulated / "data" / "one" / "rows.csv").write_text("edited\n")
    assert "one/rows.csv changed\n  -> delete data/one and `make data`" in problems(simulated)
    assert data.main([]) == 1
    assert (simulated / "data" / "one" / "rows.csv").read_text() == "edited\n"


def test_data_that_nothing_pins_is_a_problem_only_where_there_is_some(toy: Toy) -> None:
    root = toy(DIAMOND)
    assert data_folder.check(root) == []
    (root / "data").mkdir()
    assert "data.dvc is missing" in problems(root)


def test_pinning_twice_is_pinning_once(simulated: Path) -> None:
    pin = pin_of(simulated)
    data_pin.pin_data(simulated)
    assert pin_of(simulated) == pin


def test_a_simulator_that_fails_says_where_its_log_is(
    simulated: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lose(simulated, "data", ".dvc/cache")
    (simulated / "run_stage.py").write_text("raise SystemExit(4)")
    assert data.main([]) == 1
    assert "simulator of one failed (exit 4)\n  -> see .logs/simulators_one.log" in capsys.readouterr().err


def test_in_a_study_the_remedy_names_the_study(simulated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = simulated / "studies" / "mine"
    shutil.copytree(simulated / ".dvc", study / ".dvc", ignore=shutil.ignore_patterns("tmp"))
    (study / "params.yaml").write_text("one: {simulate: {rows: 3}}\n")
    monkeypatch.chdir(study)
    assert "-> `python -m flows.data --pin --study mine` simulates" in problems(study)
    shutil.copy(simulated / "data.dvc", study)
    assert "data/ is missing\n  -> `make data STUDY=mine` pulls it" in problems(study)
    shutil.copytree(simulated / "data", study / "data")
    (study / "data" / "two" / "manifest.json").unlink()
    assert "-> in studies/mine: `dvc add data` adopts it" in problems(study)
