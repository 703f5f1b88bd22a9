"""All stamps of the chosen mode for full training, sampled or not: written only when a person enabled it.

The decision is made on a share of the manifest (`sample.share`), full training on all of it, with the same renderer and
settings; with a share of 1 these are the stamps that render made.
"""

import sys
from pathlib import Path

from params.lens_shortcuts import Render, Whole
from storage.files.atomic import complete_folder
from storage.files.documents import read_json, write_json
from tasks.lens_shortcuts.model.labelled_stamps import GIVEN, NOT_REQUIRED
from tasks.lens_shortcuts.model.stamp_sets import write_stamps


def main(
    params: Whole,
    data: Path,
    rows: Path,
    prepared: Path,
    chosen: Path,
    rendering: dict[str, Path],
    whole: Path,
) -> None:
    """rendering: by mode, as render left it. `whole` becomes a folder of stamps, or of the reason why there are none."""
    choice = read_json(chosen)
    mode = choice["mode"]
    status, reason = GIVEN, f"the tree chose {choice['chosen']}: {choice['leaf']}; a person enabled it"
    if not params.enabled:
        status, reason = NOT_REQUIRED, "full training is off (lens_shortcuts.whole.enabled)"
    elif choice["chosen"] is None:
        status, reason = NOT_REQUIRED, f"the tree chose no variant: {choice['leaf']} ({choice['reason']})"
    with complete_folder(whole) as folder:
        if status == GIVEN:
            made_with = Render.model_validate({**read_json(rendering[mode]), "leaks": {}})
            facts = read_json(prepared)
            write_stamps(folder, "lens_shortcuts_whole", made_with, {}, mode, facts, data, rows)
        else:
            sys.stdout.write(f"{status}: {reason}\n")
        write_json(folder / "status.json", {"status": status, "reason": reason, "mode": mode or "none"})
