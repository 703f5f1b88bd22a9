"""What was dropped, repaired or noticed while files were read; told, so that nothing happens silently."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from storage.files.inputs import shown

EXAMPLES = 3


@dataclass
class ImportReport:
    """Rows by what became of them, file and reason, each with the first few examples (texts as they stand)."""

    dropped: Counter[str] = field(default_factory=Counter)
    repaired: Counter[str] = field(default_factory=Counter)
    noted: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def drop(self, path: Path, reason: str, count: int = 1, examples: Sequence[object] = ()) -> None:
        self._count(self.dropped, path, reason, count, examples)

    def repair(self, path: Path, reason: str, count: int = 1, examples: Sequence[object] = ()) -> None:
        self._count(self.repaired, path, reason, count, examples)

    def note(self, path: Path, reason: str, count: int = 1, examples: Sequence[object] = ()) -> None:
        """Rows that are used as they stand, and of which a person should know."""
        self._count(self.noted, path, reason, count, examples)

    def counts(self) -> dict[str, dict[str, int]]:
        """By kind; what was noted only where something was."""
        kinds = {"dropped": self.dropped, "repaired": self.repaired}
        kinds |= {"noted": self.noted} if any(self.noted.values()) else {}
        return {
            kind: {reason: counted[reason] for reason in sorted(counted) if counted[reason]}
            for kind, counted in kinds.items()
        }

    def lines(self) -> list[str]:
        """One a reason."""
        lines = [
            f"{kind:8} {count:>6}  {reason}{self._examples(reason)}"
            for kind, counted in self.counts().items()
            for reason, count in counted.items()
        ]
        return lines or ["nothing was dropped or repaired"]

    def _count(
        self, counter: Counter[str], path: Path, reason: str, count: int, examples: Sequence[object]
    ) -> None:
        key = f"{path.name}: {reason}"
        counter[key] += count
        few = self.examples.setdefault(key, [])
        few += [each if isinstance(each, str) else shown(each) for each in examples[: EXAMPLES - len(few)]]

    def _examples(self, reason: str) -> str:
        few = self.examples.get(reason)
        return f" (such as {', '.join(few)})" if few else ""
