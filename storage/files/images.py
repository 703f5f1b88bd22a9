"""Pictures as PNG, without anything in them that differs between runs."""

from pathlib import Path

from matplotlib.figure import Figure

from storage.files.atomic import complete


def write_figure(path: Path, figure: Figure, dpi: int = 110) -> None:
    with complete(path) as partial:
        figure.savefig(partial, format="png", dpi=dpi, metadata={"Software": None})
