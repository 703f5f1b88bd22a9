"""What a study of lens_shortcuts makes of somebody's files: a manifest, and cut-outs as an array or a folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from params.block import read_block
from storage.files.arrays import array_names, read_foreign_array, read_foreign_arrays
from storage.files.documents import read_json
from storage.files.foreign import ForeignTable, read_foreign_table
from storage.files.formats import listed
from storage.files.inputs import InputError
from storage.lenses.fits_cubes import read_fits_stamp
from storage.lenses.stamps import SIZE
from tasks.intake.columns import Role, anything, assigned, form, is_flag, unread
from tasks.intake.proposal import Proposal
from tasks.intake.rewriting import Rewriting

EXPERIMENT = "lens_shortcuts"
TABLES = (".csv", ".tsv", ".jsonl", ".parquet", ".gz")
COLUMNS = {  # ours -> what else it is called
    "stamp": ("stampid", "id", "cutout", "cutoutid"),
    "split": ("fold", "subset", "part"),
    "label": ("islens", "lens", "class", "target", "truth"),
    "mode": ("pairing",),
    "host_id": ("host", "galaxy", "galaxyid", "galaxyname"),
    "pair_id": ("pair",),
    "theta_E": ("thetae", "einsteinradius", "rein"),
    "psf_bin": ("psfbin", "seeingbin"),
    "depth_bin": ("depthbin",),
    "file": ("filename", "path"),
}
OPTIONAL = ("file",)
NEEDED = tuple(name for name in COLUMNS if name not in OPTIONAL)
BATCH = "lens_shortcuts.train.recipe.network.batch"
AXES = 4  # of an array of stamps


def options(block: Mapping[str, Any]) -> dict[str, list[str]]:
    """Both modes stay: one that the params do not name is reported as not given."""
    return {}


def proposal(files: Sequence[Path], stated: Mapping[str, str]) -> Proposal:
    """A manifest and its stamps. Raises InputError."""
    manifests = [path for path in files if any(path.name.endswith(each) for each in TABLES)]
    others = [path for path in files if path not in manifests]
    if len(manifests) != 1 or len(others) != 1:
        raise InputError(
            files[0], "expected two: a manifest (CSV, JSON lines or Parquet), and the stamps (npy, npz, or a folder with a "
            f"file for each); got {listed([path.name for path in files])}",
        )  # fmt: skip
    table, stamps = read_foreign_table(manifests[0]), others[0]
    roles = _roles(table, stated)
    renamed = {ours: theirs for ours, theirs in roles.items() if ours != theirs}
    if not is_flag(table, roles["label"]):
        raise InputError(
            table.path, f"holds {listed(sorted(set(table.text(roles['label']))))}; write 1 for cut-outs with an arc, 0 for those "
            "without", field=roles["label"],
        )  # fmt: skip
    modes = [mode for mode in ("paired", "unpaired") if mode in set(table.text(roles["mode"]))]
    array, size = _array(stamps)
    labels = table.text(roles["label"]).value_counts()
    suffix = "".join(manifests[0].suffixes[-2:] if manifests[0].suffix == ".gz" else [manifests[0].suffix])
    manifest = f"manifest{'.parquet' if renamed else suffix}"
    name = f"stamps{stamps.suffix}" if stamps.is_file() else "stamps"
    splits = table.text(roles["split"]).value_counts()
    return Proposal(
        "own_stamps",
        {manifest: manifests[0], name: stamps},
        {
            "prepare.manifest": manifest, "prepare.stamps": name, "prepare.modes": modes, "prepare.array": array,
            "prepare.crop": size is not None and size > SIZE,
            "tree.baseline": "unpaired" if "unpaired" in modes else "paired",
        },
        {
            "read as": form(table),
            **renamed,
            "stamps": f"{stamps.name}{f', array {array}' if array else ''}" + (f", {size} pixels" if size else "")
            + (f", cut to their middle {SIZE}" if size and size > SIZE else ""),
            "modes": listed(modes),
            "labels": ", ".join(f"{label}: {count:,}" for label, count in labels.items()),
            "split": "the file's own, " + ", ".join(f"{part} {count:,}" for part, count in splits.items()),
            "groups": f"{table.text(roles['host_id']).nunique():,} galaxies, never split",
        },
        unread(table, list(roles.values())),
        {manifest: Rewriting(roles)} if renamed else {},
    )  # fmt: skip


def _roles(table: ForeignTable, stated: Mapping[str, str]) -> dict[str, str]:
    """Ours -> theirs. Raises InputError for all that are missing at once."""
    own = {name: name for name in COLUMNS if table.has(name) and name not in stated.values()}
    roles = [Role(name, (name.lower(), *words), anything, needed=False) for name, words in COLUMNS.items()]
    found = assigned(table, roles, {**own, **stated})
    if missing := [name for name in NEEDED if name not in found]:
        raise InputError(
            table.path, f"which columns are {listed(missing, 9)}? there are {listed(table.names)}: say it with --map "
            f"{missing[0]}=<column>, or add what is not there (mode: unpaired, pair_id: empty, bins: 0, if there are none); a "
            f"row for every stamp has {listed(NEEDED, 9)}",
        )  # fmt: skip
    return {name: found[name] for name in COLUMNS if name in found}


def _array(stamps: Path) -> tuple[str | None, int | None]:
    """The array of an npz that holds stamps, and their pixels."""
    if stamps.is_dir():
        return None, _size(stamps)
    if stamps.suffix == ".npy":
        return None, max(read_foreign_array(stamps).shape[1:], default=None)
    for name in array_names(stamps):
        values = read_foreign_arrays(stamps, [name])[name]
        if values.ndim == AXES:
            return name, max(values.shape[1:])
    raise InputError(
        stamps, f"expected an array of stamps (n, 3, s, s), there are {listed(array_names(stamps))}"
    )


def _size(folder: Path) -> int | None:
    """Pixels of its first FITS or npy file; whether all are readable, the first stage says."""
    readers = {".fits": read_fits_stamp, ".npy": read_foreign_array}
    first = next((path for path in sorted(folder.rglob("*")) if path.suffix in readers), None)
    try:
        return max(readers[first.suffix](first).shape, default=None) if first else None
    except InputError:
        return None


def facts(artifacts: Path) -> dict[str, str]:
    """What the first stage counted, and what is too little to train on."""
    counts = read_json(artifacts / "prepared.json")["counts"]
    batch: int = read_block(artifacts.parents[1] / "params.yaml", BATCH, int)
    few = [
        f"{stamps} stamps of {mode} in train, two batches are {2 * batch}: set {BATCH.removeprefix(f'{EXPERIMENT}.')}, or add rows"
        for mode, of in counts.items()
        if 0 < (stamps := of.get("train", {"stamps": 0})["stamps"]) < 2 * batch
    ]
    return {
        mode: ", ".join(f"{part} {each['stamps']:,} stamps" for part, each in of.items())
        for mode, of in counts.items()
    } | ({"too few": "; ".join(few)} if few else {})
