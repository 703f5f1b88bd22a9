"""The dvc.yaml of a study: the stages that the repository's own dvc.yaml has of its experiment, with the study's options.

Nobody edits it: it follows from params.yaml of the study and dvc.yaml of the repository.
"""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from flows.studies.folder import PARAMS, StudyError, experiment_of, repository
from params.block import read_params

PIPELINE = "dvc.yaml"
UP = "../../"
OF_THE_STUDY = ("data/", "artifacts/", "results/")
HEAD = "# Written from params.yaml here and dvc.yaml of the repository: `python -m flows.study check {}` writes it anew.\n"
Options = Mapping[str, Sequence[str]]  # axis of a matrix -> its values
Entry = str | dict[str, Any]


def options(folder: Path) -> Options:
    """What the study's params make of the axes; those that are not named stay as in the repository."""
    experiment = experiment_of(folder)
    try:
        stated: Options = import_module(f"tasks.{experiment}.use.study").options(
            read_params(folder / PARAMS)[experiment]
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise StudyError(
            f"study {folder.name} is broken: its params.yaml lacks {error} of {experiment}"
        ) from error
    return stated


def written(folder: Path) -> str:
    """The text that the study's dvc.yaml has to have."""
    whole = YAML(typ="safe").load(repository(folder) / PIPELINE)
    made = pipeline(whole, experiment_of(folder), options(folder))
    text = io.StringIO()
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.default_flow_style, yaml.width = False, 120
    yaml.sort_base_mapping_type_on_output = False
    yaml.dump(made, text)
    return HEAD.format(folder.name) + text.getvalue()


def refreshed(folder: Path) -> bool:
    """Writes it where it is another; whether it did."""
    path, text = folder / PIPELINE, written(folder)
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
    return True


def pipeline(whole: Mapping[str, Any], experiment: str, stated: Options) -> dict[str, Any]:
    mine = {
        name: stage
        for name, stage in whole["stages"].items()
        if stage["cmd"].split()[2].split(".")[0] == experiment
    }
    axes: dict[str, list[str]] = {}
    for stage in mine.values():
        for axis, values in stage.get("matrix", {}).items():
            axes.setdefault(axis, []).extend(
                str(each) for each in values if str(each) not in axes.get(axis, [])
            )
    changed = {
        axis: (axes[axis], [str(each) for each in values]) for axis, values in stated.items() if axis in axes
    }
    results = f"results/{experiment}/"
    return {
        "stages": {name: _stage(stage, changed) for name, stage in mine.items()},
        **{
            kind: [each for each in whole.get(kind, []) if each.startswith(results)]
            for kind in ("metrics", "plots")
        },
    }


def _stage(stage: Mapping[str, Any], changed: Mapping[str, tuple[list[str], list[str]]]) -> dict[str, Any]:
    made = dict(stage)
    made["cmd"] = stage["cmd"].replace(" run_stage.py ", f" {UP}run_stage.py ", 1)
    if "matrix" in stage:
        made["matrix"] = {
            axis: changed[axis][1] if axis in changed else values for axis, values in stage["matrix"].items()
        }
    for kind in ("deps", "outs"):
        if kind in stage:
            entries: list[Entry] = list(stage[kind])
            for before, now in changed.values() if "matrix" not in stage else ():
                entries = list(_gathered(entries, before, now))
            made[kind] = [_placed(each) for each in entries]
    return made


def _placed(entry: Entry) -> Entry:
    return entry if isinstance(entry, dict) or entry.startswith(OF_THE_STUDY) else f"{UP}{entry}"


def _gathered(entries: Sequence[Entry], before: Sequence[str], now: Sequence[str]) -> Iterator[Entry]:
    """A stage that gathers a matrix names each of its options: once for each of those that there are now."""
    seen: set[str] = set()
    pattern = re.compile(rf"(?<=[/_])(?:{'|'.join(map(re.escape, before))})(?=[/.]|$)")
    for entry in entries:
        if isinstance(entry, dict) or not entry.startswith("artifacts/") or not pattern.search(entry):
            yield entry
        elif (shape := pattern.sub("\0", entry, count=1)) not in seen:
            seen.add(shape)
            yield from (shape.replace("\0", value) for value in now)
