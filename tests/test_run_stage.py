"""The launcher: one clear line for bad input, a log that holds everything, and no half-written file after a kill."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from run_stage import declared_files
from tests.imports import ROOT

CODE = (
    "methods", "params", "serving", "storage", "tasks", "simulators", "run_stage.py", "dvc.yaml", "params.yaml",
)  # fmt: skip
STEPS = ["fpr_thresholds.prepare", "fpr_thresholds.score", "fpr_thresholds.tune", "fpr_thresholds.compare"]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in CODE:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def start(folder: Path, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "run_stage.py", *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(process: "subprocess.Popen[str]") -> tuple[int, str]:
    output, _ = process.communicate(timeout=120)
    return process.returncode, output


def test_a_stage_echoes_and_logs_the_same(copy: Path) -> None:
    assert finish(start(copy, "simulators.fpr_thresholds")) == (0, "")
    assert finish(start(copy, STEPS[0]))[0] == 0
    code, output = finish(start(copy, STEPS[1]))
    assert code == 0
    assert output.splitlines()[-1] == "model 8 of 8: 2097 training rows"
    assert (copy / ".logs" / "fpr_thresholds_score.log").read_text() == output


def test_without_echo_only_the_log_is_written(copy: Path) -> None:
    code, output = finish(start(copy, STEPS[0], STAGE_ECHO="0"))
    assert (code, output) == (1, "")
    assert "no such file" in (copy / ".logs" / "fpr_thresholds_prepare.log").read_text()


def test_a_log_that_cannot_be_written_ends_no_stage_and_its_lines_are_echoed(copy: Path) -> None:
    (copy / ".logs").mkdir()
    (copy / ".logs" / "fpr_thresholds_prepare.log").symlink_to("/dev/full")
    code, output = finish(start(copy, STEPS[0], STAGE_ECHO="0"))
    assert code == 1
    assert "messages.jsonl: no such file" in output


def test_a_full_disk_is_one_line(copy: Path) -> None:
    (copy / "tasks" / "fpr_thresholds" / "prepare.py").write_text(
        "from pathlib import Path\n"
        "from params.fpr_thresholds import Prepare\n"
        "def main(params: Prepare, data: Path, rows: Path, prepared: Path) -> None:\n"
        "    Path('/dev/full').write_text('rows')\n"
    )
    assert finish(start(copy, STEPS[0])) == (
        1,
        "fpr_thresholds_prepare: [Errno 28] No space left on device\n",
    )


def test_bad_input_is_one_line_without_a_traceback(copy: Path) -> None:
    code, output = finish(start(copy, STEPS[0]))
    assert code == 1
    assert output == (
        "fpr_thresholds_prepare: data/fpr_thresholds/messages.jsonl: no such file; params.yaml names it\n"
    )


def test_a_wrong_parameter_is_one_line_that_names_it(copy: Path) -> None:
    params = (copy / "params.yaml").read_text()
    (copy / "params.yaml").write_text(params.replace("threads: 1", "threads: 0"))
    assert finish(start(copy, STEPS[0])) == (
        1,
        "fpr_thresholds_prepare: params.yaml: runtime.cpu.threads: input should be greater than 0, got 0\n",
    )


def test_an_error_of_ours_keeps_its_traceback(copy: Path) -> None:
    step = copy / "tasks" / "fpr_thresholds" / "prepare.py"
    step.write_text(
        step.read_text().replace("    match params:", "    raise RuntimeError('ours')\n    match params:")
    )
    code, output = finish(start(copy, STEPS[0]))
    assert code == 1
    assert "Traceback" in output
    assert "RuntimeError: ours" in (copy / ".logs" / "fpr_thresholds_prepare.log").read_text()


def test_usage_is_shown_for_anything_else(copy: Path) -> None:
    assert finish(start(copy))[0] == 2
    assert "python run_stage.py <experiment>.<step> [option]" in finish(start(copy, "prepare"))[1]


def test_threads_and_cpu_switches_are_set_before_numpy_is_imported(copy: Path) -> None:
    (copy / "tasks" / "fpr_thresholds" / "prepare.py").write_text(
        "import os, sys\n"
        "from pathlib import Path\n"
        "from params.fpr_thresholds import Prepare\n"
        "def main(params: Prepare, data: Path, rows: Path, prepared: Path) -> None:\n"
        "    names = ('OMP_NUM_THREADS', 'MKL_CBWR', 'OPENBLAS_CORETYPE', 'NPY_DISABLE_CPU_FEATURES')\n"
        "    print('numpy' in sys.modules, [os.environ[name] for name in names])\n"
    )
    code, output = finish(start(copy, STEPS[0]))
    assert (code, output) == (0, "False ['1', 'AVX2', 'Haswell', 'X86_V4 AVX512_ICL AVX512_SPR']\n")


def outs(folder: Path) -> dict[str, bytes]:
    files = [path for name in ("data", "artifacts", "results") for path in (folder / name).rglob("*")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files if path.is_file()}


@pytest.mark.slow
def test_a_stage_killed_at_any_moment_leaves_whole_files_only_and_the_next_run_finishes(copy: Path) -> None:
    for step in ("simulators.fpr_thresholds", *STEPS):
        assert finish(start(copy, step, STAGE_ECHO="0"))[0] == 0
    good = outs(copy)
    random.seed(5)
    for step in (*STEPS, *STEPS, "simulators.fpr_thresholds"):
        process = start(copy, step, STAGE_ECHO="0")
        time.sleep(random.uniform(0.3, 3.0))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        whole = {name: content for name, content in outs(copy).items() if ".partial" not in name}
        assert all(good[name] == content for name, content in whole.items())
    for step in ("simulators.fpr_thresholds", *STEPS):
        assert finish(start(copy, step, STAGE_ECHO="0"))[0] == 0
    assert outs(copy) == good


def test_what_a_matrix_wrote_is_one_path_in_the_matrix_and_one_per_option_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dvc.yaml").write_text(
        "stages:\n"
        "  x_fit:\n    matrix: {variant: [a, b]}\n    outs: ['artifacts/x/${item.variant}/p.npz']\n"
        "  x_compare:\n    deps: [artifacts/x/a/p.npz, artifacts/x/b/p.npz, artifacts/x/rows.parquet, methods/m.py]\n"
        "    outs: [results/x: {cache: false}]\n"
    )
    monkeypatch.chdir(tmp_path)
    assert declared_files("x_fit", "b") == {"p": Path("artifacts/x/b/p.npz")}
    assert declared_files("x_compare", None) == {
        "p": {"a": Path("artifacts/x/a/p.npz"), "b": Path("artifacts/x/b/p.npz")},
        "rows": Path("artifacts/x/rows.parquet"),
        "results": Path("results/x"),
    }


def test_files_of_several_experiments_results_are_one_path_per_experiment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dvc.yaml").write_text(
        "stages:\n  report_page:\n    deps: [results/x/decision.json, results/y/decision.json]\n"
        "    outs: [results/report.md: {cache: false}]\n"
    )
    monkeypatch.chdir(tmp_path)
    assert declared_files("report_page", None) == {
        "decision": {"x": Path("results/x/decision.json"), "y": Path("results/y/decision.json")},
        "report": Path("results/report.md"),
    }
