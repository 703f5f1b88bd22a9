"""Run one stage: `python run_stage.py <experiment>.<step> [option]` or `simulators.<experiment>`.

Sets threads and CPU switches before anything heavy is imported, tees output to .logs/<stage>.log, then calls
`main` of the step's module with its own block of params.yaml and the files that dvc.yaml declares for it.
"""

import ctypes
import errno
import inspect
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

from ruamel.yaml import YAML

from params.block import ParamsError, read_block
from params.runtime import Cpu
from storage.files.inputs import InputError

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)
PARAMS = Path("params.yaml")
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3  # of mallopt(3)
Files = Path | dict[str, Path]


def main() -> int:
    if len(sys.argv) not in (2, 3) or sys.argv[1].count(".") != 1:
        print(__doc__.splitlines()[0], file=sys.stderr)
        return 2
    address, option = sys.argv[1], (sys.argv[2] if len(sys.argv) == 3 else None)
    stage = address.replace(".", "_") + (f"@{option}" if option else "")
    finish_log = tee_output(Path(".logs") / f"{stage}.log")
    code = 0
    try:
        set_cpu(read_block(PARAMS, "runtime.cpu", Cpu))
        run(address, stage.split("@")[0], option)
    except (ParamsError, InputError) as error:  # the message is the whole story
        print(f"{stage}: {error}", file=sys.stderr)
        code = 1
    except KeyboardInterrupt:
        code = 130
    except BaseException as error:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            print(f"{stage}: {error}", file=sys.stderr)
        else:
            traceback.print_exc()
        code = 1
    finish_log()
    return code


def run(address: str, stage: str, option: str | None) -> None:
    package, step = address.split(".")
    if package == "simulators":
        module, block = f"simulators.{step}", f"{step}.simulate"
        files: dict[str, Files] = {"data": Path("data") / step}
    else:
        module, block, files = f"tasks.{address}", address, declared_files(stage, option)
    step_main = import_module(module).main
    arguments: dict[str, Any] = {"option": option} if option else {}
    step_main(read_block(PARAMS, block, params_model(step_main)), **arguments, **files)


def params_model(step_main: Callable[..., None]) -> Any:
    """The model that `main` declares for its first argument."""
    return get_type_hints(step_main, include_extras=True)[next(iter(inspect.signature(step_main).parameters))]


def declared_files(stage: str, option: str | None) -> dict[str, Files]:
    """The data a stage may touch, as dvc.yaml states it: file stem -> path, `data` and `results` for its folders there.

    What a matrix writes names its option: `artifacts/<experiment>/<option>/<file>`, or a number at the stem's end
    (`seed_42.json`). A stage of the matrix gets its own as a path; one that gathers them gets option -> path. One that
    reads single files of several experiments' results gets experiment -> path.
    """
    declared = YAML(typ="safe").load(Path("dvc.yaml"))["stages"][stage]
    entries = [*declared.get("deps", []), *declared.get("outs", []), *declared.get("metrics", [])]
    files: dict[str, Files] = {}
    gathered: dict[str, dict[str, Path]] = {}
    for entry in entries:
        path = Path(_fill(next(iter(entry)) if isinstance(entry, dict) else entry, option or "0"))
        if path.parts[0] == "data" or (path.parts[0] == "results" and not path.suffix):
            files[path.parts[0]] = path
        elif path.parts[0] in ("artifacts", "results"):
            name, of = _name_and_option(path)
            if of is None or "matrix" in declared:
                files[name] = path
            else:
                files[name] = gathered.setdefault(name, {})
                gathered[name][of] = path
    return files


def _name_and_option(path: Path) -> tuple[str, str | None]:
    folder = path.parts[1:-1] if path.parts[0] == "results" else path.parts[2:-1]
    if folder:
        return path.stem, folder[0]
    numbered = re.fullmatch(r"(.+)_(\d+)", path.stem)
    return (numbered[1], numbered[2]) if numbered else (path.stem, None)


def _fill(path: str, option: str | None) -> str:
    """`${item.<axis>}` of a one-axis matrix stands for the option."""
    head, sep, tail = path.partition("${item.")
    return path if not sep else f"{head}{option}{tail.partition('}')[2]}"


def set_cpu(cpu: Cpu) -> None:
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(cpu.threads)))
    os.environ.update(cpu.environment)
    os.environ["MPLBACKEND"] = "Agg"
    keep_freed_memory()


def keep_freed_memory() -> None:
    """Memory that is freed stays with the process, as far as its C library can be told so.

    glibc hands megabytes back to the system after every operation on an array and asks for them anew, zeroed page by
    page: half the time of rendering stamps, and more on machines where a page fault is dear.
    """
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        for switch, value in (
            (M_MMAP_THRESHOLD, 1 << 30),
            (M_TRIM_THRESHOLD, (1 << 31) - 1),
            (M_TOP_PAD, 1 << 26),
        ):
            mallopt(switch, value)


def tee_output(log: Path) -> Callable[[], None]:
    """Copy everything this process and its children print to `log`; STAGE_ECHO=0 prints there alone.

    A forked child copies, so that output of C code is caught too, and what was printed before a kill is kept.
    """
    log.parent.mkdir(exist_ok=True)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        try:
            copy_output(reader, log, os.environ.get("STAGE_ECHO") != "0")
        finally:
            os._exit(0)
    os.close(reader)
    sys.stdout.flush()
    os.dup2(writer, 1)
    os.dup2(writer, 2)
    os.close(writer)

    def finish() -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        os.waitpid(child, 0)

    return finish


def copy_output(reader: int, log: Path, echo: bool) -> None:
    """Until the last writer has closed its end: neither a signal to the group nor a full disk ends this earlier."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    file = -1
    with suppress(OSError):
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    while chunk := os.read(reader, 65536):
        try:
            logged = os.write(file, chunk) == len(chunk)
        except OSError:
            logged = False
        if echo or not logged:
            with suppress(OSError):
                os.write(1, chunk)


if __name__ == "__main__":
    sys.exit(main())
