"""All stages of this repository on three Dask workers, one of them killed in mid-stage: are the results the same bytes?

    python -m tests.faults.whole_on_dask [stage to kill] [seconds into it] [folder]

The workers start in empty folders and share nothing with the coordinator, a fresh clone without a cache, but a bare
git repository and a folder as DVC remote. What comes out is compared with the commit.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.clone import Clone
from tests.flows.dask.cluster import Cluster, cluster_of
from tests.imports import ROOT

KILLED = "lens_shortcuts.train unpaired"


def coordinator(folder: Path) -> Clone:
    origin, store, path = folder / "origin.git", folder / "store", folder / "coordinator"
    subprocess.run(["git", "clone", "--quiet", "--bare", str(ROOT), str(origin)], check=True)
    subprocess.run(["git", "clone", "--quiet", str(origin), str(path)], check=True)
    clone = Clone(path)
    clone.run("dvc", "remote", "add", "--local", "--default", "store", str(store))
    clone.run("python", "-m", "flows.data")
    return clone


def kill_its_worker(cluster: Cluster, stage: str, seconds: float, walk: "subprocess.Popen[bytes]") -> None:
    while (process := cluster.process_of(stage)) is None:
        if walk.poll() is not None:
            raise SystemExit(f"the walk ended with {walk.returncode} before {stage} was started")
        time.sleep(0.2)
    time.sleep(seconds)
    worker = cluster.worker_above(process.pid)
    name = Path(psutil.Process(worker.pid).cwd()).name
    start = time.monotonic()
    worker.kill()
    psutil.wait_procs([process])
    print(
        f"killed worker {name} {seconds:g} s into {stage}; "
        f"the stage's process ended {time.monotonic() - start:.1f} s later",
        flush=True,
    )


def main(stage: str, seconds: float, folder: Path) -> None:
    clone = coordinator(folder)
    start = time.monotonic()
    with cluster_of(3, folder, os.environ) as cluster:
        options = ["--no-prefect", "--runner", "dask", "--dask-address", cluster.address]
        walk = subprocess.Popen(
            [sys.executable, "-m", "flows.reproduce", *options],
            cwd=clone.path,
            env=clone.environment | {"COLUMNS": "200"},
        )
        try:
            kill_its_worker(cluster, stage, seconds, walk)
            if walk.wait():
                raise SystemExit(f"the walk ended with {walk.returncode}")
        finally:
            walk.terminate()
    changed = clone.changed()
    again = clone.run("python", "-m", "flows.reproduce", "--no-prefect")
    print(f"{time.monotonic() - start:.0f} s; then: {again.strip()}")
    print(f"different from the commit: {', '.join(changed) or 'nothing, dvc.lock and all tables included'}")
    raise SystemExit(bool(changed))


if __name__ == "__main__":
    given = dict(enumerate(sys.argv[1:]))
    with tempfile.TemporaryDirectory() as scratch:
        main(given.get(0, KILLED), float(given.get(1, "15")), Path(given.get(2, scratch)))
