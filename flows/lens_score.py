"""Score stamps with the pinned weights of a run: `python -m flows.lens_score --run <run> --stamps <stamps>`.

    python -m flows.lens_score --run artifacts/lens_shortcuts/unpaired/run --stamps ../mine/artifacts/lens_shortcuts/unpaired/stamps

Stamps are a folder that `lens_shortcuts.render` made, here or in another checkout: of a simulation, of real hosts, or of
the user's own cut-outs. Nothing is trained and nothing chosen; every split with both classes is shown by itself.
"""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from flows.show import Column, console, table
from params.block import ParamsError, read_block
from params.runtime import Cpu
from run_stage import PARAMS, set_cpu

COLUMNS = (
    Column("set", "set"),
    Column("split", "split"),
    Column("seed", "seed"),
    Column("measure", "measure"),
    Column("hidden px", "radius"),
    Column("theta_E from (arcsec)", "theta_E_from"),
    Column("n +", "n"),
    Column("n -", "negatives"),
    Column("hosts", "groups"),
    Column("value", "value", "low", "high"),
    Column("", "reason"),
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m flows.lens_score",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--run", type=Path, required=True, help="what train, mask or full left")
    parser.add_argument("--stamps", type=Path, required=True, help="a folder of stamps as render leaves it")
    parser.add_argument("--device", choices=("cpu", "cuda", "auto"), default="cpu")
    parser.add_argument("--out", type=Path, help="write the table there as CSV too, at full precision")
    given = parser.parse_args(arguments)
    try:
        set_cpu(read_block(PARAMS, "runtime.cpu", Cpu))
        # Imports numpy and torch, which read the switches that were just set.
        from tasks.lens_shortcuts.use.apply import scored  # noqa: PLC0415

        found = scored(given.run, given.stamps, given.device)
    except (ParamsError, ValueError) as error:  # an InputError is one; the message is the whole story
        Console(stderr=True, soft_wrap=True).print(str(error), markup=False)
        return 1
    if given.out:
        found.to_csv(given.out, index=False, lineterminator="\n")
    rows = [{str(name): _text(value) for name, value in row.items()} for row in found.to_dict("records")]
    console().print(table(rows, COLUMNS))
    return 0


def _text(value: object) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.12g}"
    return "" if value is None else str(value)


if __name__ == "__main__":
    sys.exit(main())
