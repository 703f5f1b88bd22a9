"""What an experiment makes of files that somebody brings: which example suits them, what it has to say of them, and why."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from storage.files.inputs import InputError

Refusal = InputError  # what `proposal` of an experiment raises, for callers above this floor


class Writer(Protocol):
    """`tasks.intake.rewriting.Rewriting`, which takes seconds to import."""

    def write(self, file: Path, place: Path) -> None: ...


@dataclass(frozen=True)
class Proposal:
    """example: of examples/, without its suffix. files: path below the data folder -> what comes there. settings: dotted
    keys under the experiment's block, numbers for places in lists -> value. understood: what -> how it was understood.
    unread: columns or files that nothing reads. rewritten: of files, those that come there as stages read them."""

    example: str
    files: Mapping[str, Path]
    settings: Mapping[str, Any]
    understood: Mapping[str, str]
    unread: Sequence[str] = field(default_factory=tuple)
    rewritten: Mapping[str, Writer] = field(default_factory=dict)

    def copy(self, place: str, to: Path) -> None:
        """The file or folder that comes to `place`, as it is or rewritten."""
        file = self.files[place]
        to.parent.mkdir(parents=True, exist_ok=True)
        if place in self.rewritten:
            self.rewritten[place].write(file, to)
        elif file.is_dir():
            shutil.copytree(file, to)
        else:
            shutil.copyfile(file, to)
