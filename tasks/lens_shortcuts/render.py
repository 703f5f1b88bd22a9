"""The stamps of one mode: rendered from the manifest with their placebos and planted leaks, or the user's own."""

from pathlib import Path

from params.lens_shortcuts import Render
from storage.files.atomic import complete_folder
from storage.files.documents import read_json, write_json
from storage.files.inputs import InputError
from storage.lenses.stamps import LEAK
from tasks.lens_shortcuts.model.stamp_sets import Leaks, write_stamps

PARAMS = Path("params.yaml")


def main(
    params: Render, option: str, data: Path, sampled: Path, prepared: Path, stamps: Path, rendering: Path
) -> None:
    """`rendering` becomes what the stamps were rendered with: full training renders the whole manifest so."""
    facts = read_json(prepared)
    leaks: Leaks = {}
    if facts["kind"] != "own" and option in facts["modes"]:
        leaks = _leaks(params, option, facts["modes"], pictures=bool(facts["hosts"]))
    with complete_folder(stamps) as folder:
        write_stamps(folder, f"lens_shortcuts_render@{option}", params, leaks, option, facts, data, sampled)
    write_json(rendering, params.model_dump(mode="json"))


def _leaks(params: Render, option: str, modes: list[str], pictures: bool) -> Leaks:
    """LeakEffect sets of this mode; those that pictures cannot show are refused."""
    if params.leak is not None and params.leaks:
        raise InputError(
            PARAMS, "a leak planted into all stamps and sets with one leak each exclude each other: empty one",
            field="lens_shortcuts.render.leaks",
        )  # fmt: skip
    if params.leaks and params.leak_mode not in modes:
        raise InputError(
            PARAMS, f"{params.leak_mode} stamps are not given (prepare.modes: {', '.join(modes)}): name a mode that is",
            field="lens_shortcuts.render.leak_mode",
        )  # fmt: skip
    for name, leak in (("leak", params.leak), *params.leaks.items()):
        needs_light = leak is not None and (
            leak.core_magnitude is not None
            or leak.supersampling is not None
            or leak.centring
            or leak.shotless
        )
        if pictures and needs_light:
            raise InputError(
                PARAMS, f"{name}: hosts that are pictures can only be made brighter (host_magnitude)",
                field="lens_shortcuts.render",
            )  # fmt: skip
    if option != params.leak_mode:
        return {}
    return {f"{LEAK}{name}": leak for name, leak in params.leaks.items()}
