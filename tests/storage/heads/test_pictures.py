"""Pictures as arrays."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from storage.files.inputs import InputError
from storage.heads.pictures import picture_files, picture_size, read_picture, write_picture

PICTURE = np.random.default_rng(0).integers(0, 256, (7, 11, 3), dtype=np.uint8)


def test_what_is_written_is_read_and_twice_is_the_same_bytes(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", PICTURE)
    write_picture(tmp_path / "b.png", PICTURE)
    assert np.array_equal(read_picture(tmp_path / "a.png"), PICTURE)
    assert picture_size(tmp_path / "a.png") == (11, 7)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_size_and_pixels_are_those_a_viewer_shows(tmp_path: Path, orientation: int, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(PICTURE).save(path, exif=exif)
    height, width = read_picture(path).shape[:2]
    assert picture_size(path) == (width, height) == ((7, 11) if orientation >= 5 else (11, 7))


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "CMYK", "1"])
def test_every_kind_of_picture_becomes_three_channels(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    Image.fromarray(PICTURE).convert(mode).save(path)
    assert read_picture(path).shape == (7, 11, 3)


def test_what_eight_bits_cannot_hold_is_refused(tmp_path: Path) -> None:
    Image.fromarray(PICTURE[..., 0].astype(np.uint16) * 200).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="export it with 8 bits a channel"):
        read_picture(tmp_path / "a.png")


def test_broken_and_missing_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    with pytest.raises(InputError, match=r"a.png: no such image"):
        read_picture(path)
    path.write_bytes(b"text")
    for read in (read_picture, picture_size):
        with pytest.raises(InputError, match=r"a.png: not an image that can be read"):
            read(path)


@pytest.mark.parametrize("side", [8_000, 60_000])
def test_a_picture_that_claims_to_be_huge_is_refused_unread(tmp_path: Path, side: int) -> None:
    path = tmp_path / "a.png"
    write_picture(path, PICTURE)
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">II", side, side)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    path.write_bytes(bytes(data))
    for read in (read_picture, picture_size):
        with pytest.raises(InputError, match=r"a.png: says that it is .*50,000,000"):
            read(path)


def test_what_is_no_photograph_by_its_content_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n")
    with pytest.raises(InputError, match=r"a.png: not an image that can be read"):
        read_picture(path)


def test_pictures_are_found_by_name_or_by_a_stem_of_their_own(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "sub/b.PNG", "sub/c.jpg", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = picture_files(tmp_path)
    assert set(found) == {"a.png", "a", "b.png", "sub/b.PNG", "sub/c.jpg", "c"}
    with pytest.raises(InputError, match="no such folder of images"):
        picture_files(tmp_path / "nowhere")
