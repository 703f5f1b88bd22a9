"""Whether the folder data/ is what data.dvc and params.yaml say, and how to get there."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from flows.pinned.data_pin import DataStatus, cache_data, data_status, pin_data, restore_data
from flows.pinned.errors import DataError, Problem
from flows.pinned.remotes import RemoteError
from flows.studies.folder import LAUNCHER, STUDIES, repository, study_name
from params.block import read_params

NAMED = 5


def check(root: Path) -> list[Problem]:
    simulated = simulations(root)
    status = data_status(root)
    if status.state == "not pinned":
        if simulated or (root / "data").exists():
            return [Problem("data.dvc is missing, so nothing says what data/ should be", _pin(root))]
        return []
    if status.state == "missing":
        return [
            Problem(
                "data/ is missing", f"{_make(root)} pulls it, or simulates it and compares it with data.dvc"
            )
        ]
    problems = []
    if status.state == "changed":
        problems.append(_changed(root, status))
    remedy = _pin(root) if status.state == "clean" else _again(root)
    for experiment, params in simulated.items():
        folder = root / "data" / experiment
        if not folder.exists():
            if status.state == "clean":
                problems.append(
                    Problem(f"data/{experiment} is missing, and data.dvc knows nothing of it", _pin(root))
                )
        elif difference := simulated_otherwise(root, experiment, params):
            problems.append(Problem(difference, remedy))
    return problems


def require(root: Path) -> None:
    if problems := check(root):
        raise DataError(problems)


def restore_missing(root: Path) -> None:
    """data/ from the cache or the remote if it is not there; what is there is never replaced."""
    if data_status(root).state == "missing":
        restore_data(root)


def simulations(root: Path) -> dict[str, Any]:
    """Experiment -> its `simulate` block in params.yaml."""
    path = root / "params.yaml"
    params = read_params(path) if path.exists() else None
    blocks = {name: block for name, block in (params or {}).items() if isinstance(block, Mapping)}
    return {name: block["simulate"] for name, block in blocks.items() if block.get("simulate")}


def simulator_code(root: Path) -> list[Path]:
    """Modules that data/ is compared with."""
    return [_simulator(root, experiment) for experiment in simulations(root)]


def _simulator(root: Path, experiment: str) -> Path:
    return repository(root) / "simulators" / f"{experiment}.py"


def simulated_otherwise(root: Path, experiment: str, params: Any) -> str | None:
    """How the manifest differs from params.yaml and the simulator. Data with no manifest is the user's own."""
    path = root / "data" / experiment / "manifest.json"
    if not path.exists():
        return None
    try:
        manifest = json.loads(path.read_text())
    except ValueError as error:
        return f"data/{experiment}/manifest.json cannot be read: {error}"
    if manifest.get("params") != params:
        was = manifest.get("params") or {}
        names = sorted(name for name in {*params, *was} if params.get(name) != was.get(name))
        return f"data/{experiment} was simulated with other parameters than params.yaml has: {_named(names)}"
    code = _simulator(root, experiment)
    if not code.exists() or manifest.get("code") != hashlib.sha256(code.read_bytes()).hexdigest():
        return f"simulators/{experiment}.py changed since data/{experiment} was made"
    return None


def make(root: Path, console: Console, pin: bool = False) -> None:
    """Bring data/ to what data.dvc pins, or pin what the simulators make. Never touches a user's own folder."""
    status = data_status(root)
    if status.state == "not pinned" and not pin:
        require(root)  # no data at all is fine where nothing asks for any
        return
    stale = stale_simulations(root)
    replaceable = {path.partition("/")[0] for path in status.changed} <= set(stale)
    if status.state != "clean" and replaceable and not pin and _restored(root, stale, console):
        console.print("data/ restored from DVC's cache or remote")
        status, stale = data_status(root), stale_simulations(root)
    if pin or status.state != "clean":
        if not stale and not (root / "data").exists():
            what = "data/ is missing, DVC has no copy, and params.yaml simulates nothing"
            raise DataError([Problem(what, "put your data there, or set a DVC remote that has it")])
        for experiment in stale:
            _simulate(root, experiment, console)
        if pin:
            pin_data(root)
            console.print("data.dvc pins data/")
        status = data_status(root)
        if stale and status.state == "changed":
            raise DataError([_unlike_the_pin(root, status, stale)])
    require(root)
    cache_data(root)
    console.print("data/ matches data.dvc")


def _restored(root: Path, stale: list[str], console: Console) -> bool:
    """From DVC's cache or remote. Raises RemoteError, unless what the remote should have had can be simulated."""
    try:
        return restore_data(root)
    except RemoteError as error:
        if not stale:
            raise
        console.print(f"{error}\nso data/ is simulated instead", markup=False)
        return False


def stale_simulations(root: Path) -> list[str]:
    """Experiments whose simulated data is missing, or was made from something else than what is here."""
    return [
        experiment
        for experiment, params in simulations(root).items()
        if not (root / "data" / experiment).exists() or simulated_otherwise(root, experiment, params)
    ]


def _simulate(root: Path, experiment: str, console: Console) -> None:
    console.print(f"simulating data/{experiment}")
    done = subprocess.run(
        [sys.executable, str(repository(root) / LAUNCHER), f"simulators.{experiment}"], cwd=root
    )
    if done.returncode:
        what = f"the simulator of {experiment} failed (exit {done.returncode})"
        raise DataError([Problem(what, f"see .logs/simulators_{experiment}.log")])


def _changed(root: Path, status: DataStatus) -> Problem:
    what = f"data/ is not what data.dvc pins: {_named(status.changed)} changed"
    folders = {path.partition("/")[0] for path in status.changed}
    of_users = [name for name in folders if not (root / "data" / name / "manifest.json").exists()]
    simulated = simulations(root)
    if any((root / "data" / name).exists() or name not in simulated for name in of_users):
        return Problem(
            what, f"{_there(root)}`dvc add data` adopts it; `dvc checkout data` brings the pinned data back"
        )
    if all(name in simulated and not (root / "data" / name).exists() for name in folders):
        return Problem(what, _again(root))
    return Problem(
        what,
        f"delete {_named(f'data/{name}' for name in sorted(folders))} and {_make(root)}; or {_pin(root)}",
    )


def _make(root: Path) -> str:
    return f"`make data{f' STUDY={name}' if (name := study_name(root)) else ''}`"


def _again(root: Path) -> str:
    return f"{_make(root)} makes it again and compares it with data.dvc"


def _pin(root: Path) -> str:
    return f"`{_pin_command(root)}` simulates what is stale and pins data/ as it then is"


def _pin_command(root: Path) -> str:
    return f"python -m flows.data --pin{f' --study {name}' if (name := study_name(root)) else ''}"


def _there(root: Path) -> str:
    return f"in {STUDIES}/{name}: " if (name := study_name(root)) else ""


def _unlike_the_pin(root: Path, status: DataStatus, simulated: list[str]) -> Problem:
    return Problem(
        f"what {_named(simulated)} simulated here is not what data.dvc pins: {_named(status.changed)} differ",
        "either params.yaml or the simulator changed without being pinned, or this machine computes otherwise; "
        f"`{_pin_command(root)}` pins the data of this machine",
    )


def _named(paths: Iterable[str]) -> str:
    listed = list(paths)
    rest = f" and {len(listed) - NAMED} more" if len(listed) > NAMED else ""
    return ", ".join(listed[:NAMED]) + rest
