"""The user's pictures, held against the manifest before anything is made of them: pixels, noise, copies."""

from pathlib import Path

import numpy as np
import pandas as pd

from methods.lenses.preprocessing import INNER, OUTER, noiseless
from params.lens_shortcuts import OwnSource
from storage.files.content import copies
from storage.files.import_report import ImportReport
from storage.files.inputs import InputError
from storage.files.places import declared
from storage.lenses.copies import hosts_of_pictures, refuse_copies
from storage.lenses.host_images import TURNS, middle, picture_digest, read_stored_images
from storage.lenses.manifests import Manifest
from storage.lenses.own_stamps import read_own_stamps, stamp_rows
from storage.lenses.stamps import BANDS

NO_NOISE = (
    f"half of its annulus {INNER} <= r < {OUTER} pixels, or more, has one and the same value, as where a cut-out was "
    "filled up at the edge of an image"
)


def check_own(
    manifest: Manifest, rows: pd.DataFrame, params: OwnSource, data: Path, report: ImportReport
) -> pd.DataFrame:
    """rows: of the modes that are read; back with one host for all that share a picture."""
    for field, place in (("stamps", params.stamps), ("placebo", params.placebo)):
        declared(data, place or params.stamps, f"lens_shortcuts.prepare.{field}")
    pictures = _pictures(manifest, rows, params, params.stamps, data, report)
    for name in ("label", "split"):
        refuse_copies(manifest, rows, pictures, name)
    if params.placebo:
        # Of a pair both are the same without the arc: no label is held against a placebo.
        refuse_copies(
            manifest, rows, _pictures(manifest, rows, params, params.placebo, data, report), "split"
        )
    hosts = hosts_of_pictures(rows["host_id"], pictures)
    again = (hosts != rows["host_id"]).to_numpy()
    report.note(
        manifest.source.path, "rows show the pixels of another host, turned or not; taken as one host", int(again.sum()),
        rows["stamp"][again].tolist(),
    )  # fmt: skip
    return rows.assign(host_id=hosts)


def _pictures(
    manifest: Manifest, rows: pd.DataFrame, params: OwnSource, name: str, data: Path, report: ImportReport
) -> list[str]:
    """A digest of each row's stamp, as the experiment stores it."""
    source = manifest.source
    stamps = read_own_stamps(
        data, name, params.array, params.zero_point, params.crop, len(manifest.rows), source.path, report
    )
    digests = []
    for row in stamp_rows(rows, source.rows[rows["row"]]):
        pixels = stamps.pixels(row).astype(np.float16)
        blank = noiseless(pixels[None])[0]
        if blank.any():
            raise InputError(
                data / name, f"{row.place}band {BANDS[int(np.argmax(blank))]}: {NO_NOISE} or lens_shortcuts.prepare."
                "zero_point is wrong; leave the stamp out",
            )  # fmt: skip
        digests.append(picture_digest(pixels))
    return digests


def check_hosts(manifest: Manifest, path: Path) -> None:
    """Pictures that the manifest names as hosts: there, with noise, none under two numbers."""
    rows, images = manifest.rows, read_stored_images(path)
    for name, end in (("host_image", len(images)), ("host_turn", TURNS)):
        wrong = (rows[name] < 0) | (rows[name] >= end)
        manifest.refuse(wrong, name, f"is not in 0..{end - 1} ({path.name})")
    numbers, first = np.unique(rows["host_image"], return_index=True)
    digests = []
    for image, position in zip(numbers.tolist(), first.tolist(), strict=True):
        picture = np.asarray(middle(images[image]), np.float32)
        blank = noiseless(picture[None])[0]
        if not np.isfinite(picture).all():
            manifest.refuse_row(
                position,
                "host_image",
                f"host {image} of {path.name}: a pixel is not a number; leave this host out",
            )
        if blank.any():
            manifest.refuse_row(
                position, "host_image", f"host {image} of {path.name}, band {BANDS[int(np.argmax(blank))]}: {NO_NOISE}; "
                "leave this host out",
            )  # fmt: skip
        digests.append(picture_digest(picture))
    for one, other, *_ in copies(digests):
        manifest.refuse_row(
            int(first[other]), "host_image", f"host {numbers[other]} of {path.name} is the picture of host {numbers[one]} "
            f"({manifest.row(int(first[one]))}), turned or not: give both rows one host_image and one host_id",
        )  # fmt: skip
