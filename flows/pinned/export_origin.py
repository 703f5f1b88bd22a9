"""What an export is of: commit, dvc.lock, data, params and the environment, as digests; the same for the same commit."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from flows.pinned.data_pin import DATA_PIN
from flows.pinned.repository import LOCK
from flows.studies.folder import PARAMS, repository
from params.block import read_params

PINS = "requirements.lock"
VERSIONS = ("numpy", "scikit-learn", "torch", "xgboost")
WHEEL = "serving/pyproject.toml"


def export_origin(root: Path, commit: str, experiment: str) -> dict[str, Any]:
    """root: of a study, or the repository. versions: those that requirements.lock pins."""
    code = repository(root)
    pins = (code / PINS).read_text(encoding="utf-8")
    found = {name: re.search(rf"^{name}==(\S+)", pins, re.MULTILINE) for name in VERSIONS}
    block = {name: read_params(root / PARAMS)[name] for name in (experiment, "runtime")}
    return {
        "commit": commit,
        "dvc_lock": _sha256((root / LOCK).read_bytes()),
        "data": _data(root, experiment),
        "params": _sha256(json.dumps(block, sort_keys=True).encode()),
        "requirements_lock": _sha256(pins.encode()),
        "versions": {name: pin[1] for name, pin in found.items() if pin},
        "serving": _version((code / WHEEL).read_text(encoding="utf-8")),
    }


def _data(root: Path, experiment: str) -> dict[str, str]:
    """Of all that data.dvc pins, and of the experiment's own folder."""
    pin = YAML(typ="safe").load(root / DATA_PIN)
    folders: dict[str, str] = (pin.get("meta") or {}).get("folders", {})
    return {
        "data": str(pin["outs"][0]["md5"]),
        experiment: folders.get(experiment, str(pin["outs"][0]["md5"])),
    }


def _version(project: str) -> str:
    found = re.search(r'^version = "([^"]+)"', project, re.MULTILINE)
    return found[1] if found else ""


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
