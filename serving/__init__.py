"""Apply a decision that was exported: `load(folder).decide(inputs)`."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from serving.errors import ExportError as ExportError
    from serving.errors import RecordError as RecordError
    from serving.folder import load as load
    from serving.rows import records as records

_HOMES = {
    "ExportError": "serving.errors",
    "RecordError": "serving.errors",
    "load": "serving.folder",
    "records": "serving.rows",
}


def __getattr__(name: str) -> Any:
    """On demand: a stage of the pipeline that takes a rule from here depends on the rule alone."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
