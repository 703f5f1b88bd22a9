"""What a mutation is, the odd values that it writes, and damage to plain bytes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

Keeps = Literal["same", "subset", "damage", "refused"]


@dataclass(frozen=True)
class Change:
    """what: a short phrase. keeps: "same", the meaning is unchanged; "subset", rows are gone; "damage", any refusal
    will do; "refused", nothing but a refusal will do. touched: how many rows may read otherwise; None: any."""

    what: str
    keeps: Keeps
    touched: int | None = None


class NotApplicable(Exception):
    """The mutation finds nothing to work on in this file."""


Mutation = Callable[[Path, np.random.Generator], Change]

ODD_TEXTS = (
    "", " ", "\t", "nan", "NaN", "null", "None", "NA", "inf", "-inf", "1e400", "-1", "-0.0", "0,5", "1.000,5", "50%",
    "1e20", "1e-320", "99999999999999999999999999", "9" * 400, "0x1F", "1_000", "\u0661\u0662", "\U0001d7d9", "TRUE",
    "yes", "x" * 100_000, "a|b", "|", "a,b", "a;b", "<script>alert(1)</script>", "**bold** `code` [x](y)", "__x__",
    "a\nb", "a\r\nb", 'a"b', "'", "\\", "\u202egnirts", "\u200b", "\ufeff", "e\u0301", "\x00", "\x1b[31mred", "\x07",
    "../x", "../../../../etc/passwd", "/etc/passwd", "C:\\x", "..\\x", "~", ".", "..", "con", "=1+1", "$(touch x)",
    "{{ 7 * 7 }}", "%s%n", "micro", "macro", "group", "label", "id", "index", "0001-01-01", "9999-12-31T23:59:59",
    "2024-02-30", "2024-01-01T00:00:00+25:00", "01/02/2024", "1714521600", "1e300", "2024-W01", "\U0001f600" * 50,
)  # fmt: skip


def odd_text(random: np.random.Generator) -> str:
    return ODD_TEXTS[random.integers(len(ODD_TEXTS))]


def brief(text: object) -> str:
    shown = repr(text)
    return shown if len(shown) <= 40 else f"{shown[:36]}... ({len(shown)} characters)"


def places_outside(value: str, path: Path, random: np.random.Generator) -> str:
    """Another name of the same file in the folder beside the data, for a value that names a file of the data."""
    folder = next((each for each in path.parents if each.name == "data"), None)
    if folder is None or not value or not any((root / value).is_file() for root in (path.parent, folder)):
        raise NotApplicable
    root = path.parent if (path.parent / value).is_file() else folder
    outside = folder.parent / "outside" / (root / value).relative_to(folder)
    if random.integers(3) == 0:
        return str(outside)
    if random.integers(2) == 0:
        return str(
            Path(*[".."] * (len(root.relative_to(folder).parts) + 1)) / outside.relative_to(folder.parent)
        )
    link = root / f"link{Path(value).suffix}"
    link.symlink_to(outside)
    return link.name


# --- plain bytes ------------------------------------------------------------------------------------------------


def flip_bytes(path: Path, random: np.random.Generator) -> Change:
    content = bytearray(path.read_bytes())
    if not content:
        raise NotApplicable
    places = random.integers(len(content), size=int(random.choice([1, 1, 4, 32])))
    for place in places:
        content[place] ^= int(random.integers(1, 256))
    path.write_bytes(content)
    return Change(f"{len(places)} byte(s) flipped, the first at {places[0]}", "damage")


def flip_head(path: Path, random: np.random.Generator) -> Change:
    """Where headers stand."""
    content = bytearray(path.read_bytes())
    place = int(random.integers(min(len(content), 256) or 1))
    content[place : place + 1] = bytes([random.integers(256)])
    path.write_bytes(content)
    return Change(f"byte {place} set to {content[place] if place < len(content) else None}", "damage")


def cut_short(path: Path, random: np.random.Generator) -> Change:
    content = path.read_bytes()
    length = [0, 1, 4, len(content) - 1, int(random.integers(len(content) + 1))][random.integers(5)]
    path.write_bytes(content[: max(length, 0)])
    return Change(f"cut after {length} of {len(content)} bytes", "damage")


def piece_repeated(path: Path, random: np.random.Generator) -> Change:
    content = path.read_bytes()
    first, last = sorted(random.integers(len(content) + 1, size=2).tolist())
    path.write_bytes(content[:last] + content[first:last] + content[last:])
    return Change(f"bytes {first}..{last} twice", "damage")


def piece_zeroed(path: Path, random: np.random.Generator) -> Change:
    content = path.read_bytes()
    first, last = sorted(random.integers(len(content) + 1, size=2).tolist())
    path.write_bytes(content[:first] + bytes(last - first) + content[last:])
    return Change(f"bytes {first}..{last} zero", "damage")


def noise(path: Path, random: np.random.Generator) -> Change:
    path.write_bytes(random.bytes(int(random.integers(2000))))
    return Change("noise in its place", "damage")


def gone(path: Path, random: np.random.Generator) -> Change:
    path.unlink()
    if random.integers(2):
        path.mkdir()
        return Change("a folder in its place", "damage")
    return Change("not there", "damage")


BYTES: dict[str, Mutation] = {
    "bytes flipped": flip_bytes,
    "head flipped": flip_head,
    "cut short": cut_short,
    "piece repeated": piece_repeated,
    "piece zeroed": piece_zeroed,
    "noise": noise,
    "gone": gone,
}
