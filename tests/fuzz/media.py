"""Mutations of pictures (PNG, JPEG, FITS) and sound (WAV, FLAC): headers that claim other sizes, rates and types."""

import struct
import zlib
from pathlib import Path

import numpy as np

from tests.fuzz.mutations import Change, Mutation, NotApplicable

HUGE = (0, 1, 7, 30_000, 65_535, 2**31 - 1, 2**32 - 1)


def _patched(path: Path, at: int, value: bytes) -> bytearray:
    content = bytearray(path.read_bytes())
    if len(content) < at + len(value):
        raise NotApplicable
    content[at : at + len(value)] = value
    path.write_bytes(content)
    return content


def png_header(path: Path, random: np.random.Generator) -> Change:
    """With a checksum that fits, so that the claim is believed."""
    content = bytearray(path.read_bytes())
    at = content.find(b"IHDR")
    if at < 0:
        raise NotApplicable
    name, place, form = [
        ("width", 4, ">L"), ("height", 8, ">L"), ("depth", 12, ">B"), ("colour type", 13, ">B"), ("interlace", 16, ">B"),
    ][random.integers(5)]  # fmt: skip
    value = int(random.choice(HUGE if form == ">L" else [0, 1, 2, 3, 4, 6, 16, 255]))
    content[at + place : at + place + struct.calcsize(form)] = struct.pack(form, value)
    content[at + 17 : at + 21] = struct.pack(">L", zlib.crc32(content[at : at + 17]))
    path.write_bytes(content)
    return Change(f"{name} = {value}", "damage")


def png_text_bomb(path: Path, _: np.random.Generator) -> Change:
    content = path.read_bytes()
    packed = zlib.compress(bytes(1 << 26), 9)
    body = b"zTXtremark\x00\x00" + packed
    chunk = struct.pack(">L", len(body) - 4) + body + struct.pack(">L", zlib.crc32(body))
    path.write_bytes(content[:33] + chunk + content[33:])
    return Change("64 MB of compressed text in it", "damage")


def png_pixel_bomb(path: Path, _: np.random.Generator) -> Change:
    """30,000 x 30,000 grey pixels in a megabyte."""
    packer = zlib.compressobj(9)
    row = bytes(30_001 * 35)
    data = packer.compress(row) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(row) + packer.flush(zlib.Z_FULL_FLUSH)
    pixels = data + block * 857
    chunks = b""
    for name, body in (
        (b"IHDR", struct.pack(">LLBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)),
        (b"IDAT", pixels),
        (b"IEND", b""),
    ):
        chunks += struct.pack(">L", len(body)) + name + body + struct.pack(">L", zlib.crc32(name + body))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    return Change("30000 x 30000 pixels", "damage")


def jpeg_header(path: Path, random: np.random.Generator) -> Change:
    content = path.read_bytes()
    at = max(content.find(b"\xff\xc0"), content.find(b"\xff\xc2"))
    if at < 0:
        raise NotApplicable
    name, place, form = [("height", 5, ">H"), ("width", 7, ">H"), ("components", 9, ">B"), ("precision", 4, ">B")][
        random.integers(4)
    ]  # fmt: skip
    value = int(random.choice([0, 1, 30_000, 65_535] if form == ">H" else [0, 1, 4, 255]))
    _patched(path, at + place, struct.pack(form, value))
    return Change(f"{name} = {value}", "damage")


def wav_header(path: Path, random: np.random.Generator) -> Change:
    content = path.read_bytes()
    form, data = content.find(b"fmt "), content.find(b"data")
    if min(form, data) < 0:
        raise NotApplicable
    name, at, kind = [
        ("sample rate", form + 12, "<L"), ("channels", form + 10, "<H"), ("bits", form + 22, "<H"),
        ("format", form + 8, "<H"), ("bytes of data", data + 4, "<L"), ("bytes of the file", 4, "<L"),
        ("bytes of the format", form + 4, "<L"), ("bytes a frame", form + 20, "<H"),
    ][random.integers(8)]  # fmt: skip
    value = int(random.choice(HUGE if kind == "<L" else [0, 1, 2, 3, 6, 8, 24, 32, 64, 1000, 65_535]))
    _patched(path, at, struct.pack(kind, value))
    return Change(f"{name} = {value}", "damage")


def wav_samples(path: Path, random: np.random.Generator) -> Change:
    """As 32-bit floats, some of which are no numbers."""
    content = path.read_bytes()
    data = content.find(b"data")
    if data < 0:
        raise NotApplicable
    values = np.zeros(max((len(content) - data - 8) // 2, 1), "<f4")
    values[:: int(random.integers(1, 100))] = random.choice([np.nan, np.inf, 1e30, 0.0])
    rate = struct.unpack("<L", content[content.find(b"fmt ") + 12 :][:4])[0]
    form = b"fmt " + struct.pack("<LHHLLHH", 16, 3, 1, rate, rate * 4, 4, 32)
    body = b"WAVE" + form + b"data" + struct.pack("<L", values.nbytes) + values.tobytes()
    path.write_bytes(b"RIFF" + struct.pack("<L", len(body)) + body)
    return Change(f"float samples, {values[0]} among them", "damage")


def wav_without_samples(path: Path, _: np.random.Generator) -> Change:
    content = path.read_bytes()
    if (data := content.find(b"data")) < 0:
        raise NotApplicable
    path.write_bytes(content[: data + 4] + bytes(4))
    return Change("no samples", "damage")


def flac_header(path: Path, random: np.random.Generator) -> Change:
    """STREAMINFO: 20 bits of rate, 3 of channels, 5 of bits, 36 of samples, and what stands before them."""
    if path.read_bytes()[:4] != b"fLaC":
        raise NotApplicable
    at = int(random.integers(4, 26))
    value = [b"\xff", b"\x00", random.bytes(1), b"\xff" * 5][random.integers(4)]
    _patched(path, at, value)
    return Change(f"bytes {at}.. of the header = {value.hex()}", "damage")


def fits_card(path: Path, random: np.random.Generator) -> Change:
    content = path.read_bytes()
    cards = {
        name: content.find(name.ljust(8))
        for name in (b"SIMPLE", b"BITPIX", b"NAXIS", b"NAXIS1", b"NAXIS2", b"NAXIS3", b"END", b"BSCALE", b"EXTEND")
    }  # fmt: skip
    there = [name for name, at in cards.items() if at >= 0]
    if not there:
        raise NotApplicable
    name = there[random.integers(len(there))]
    values = (
        b"0",
        b"-1",
        b"1",
        b"999999999",
        b"99999999999999",
        b"-64",
        b"8",
        b"7",
        b"T",
        b"'x'",
        b"NaN",
        b"1e400",
        b"",
        b"\xff",
    )
    value = values[random.integers(len(values))]
    key = bytes(random.choice([name, b"NOTHING", b"NAXIS1"]))
    card = key.ljust(8)[:8] + b"= " + value.rjust(20)
    _patched(path, cards[name], card.ljust(80))
    return Change(f"{name.decode()} -> {card.decode('latin-1').strip()}", "damage")  # fmt: skip


def fits_big_endian_nan(path: Path, random: np.random.Generator) -> Change:
    content = bytearray(path.read_bytes())
    if len(content) <= 2880:
        raise NotApplicable
    at = 2880 + int(random.integers((len(content) - 2880) // 8)) * 8
    content[at : at + 8] = struct.pack(">d", float("nan")) if random.integers(2) else b"\x7f\xc0\x00\x00" * 2
    path.write_bytes(content)
    return Change(f"no number at byte {at}", "damage")


PNG: dict[str, Mutation] = {
    "header": png_header,
    "header, once more": png_header,
    "text bomb": png_text_bomb,
    "pixel bomb": png_pixel_bomb,
}
JPEG: dict[str, Mutation] = {"header": jpeg_header, "header, once more": jpeg_header}
WAV: dict[str, Mutation] = {
    "header": wav_header,
    "header, once more": wav_header,
    "samples": wav_samples,
    "no samples": wav_without_samples,
}
FLAC: dict[str, Mutation] = {"header": flac_header, "header, once more": flac_header}
FITS: dict[str, Mutation] = {
    "card": fits_card,
    "card, once more": fits_card,
    "no number": fits_big_endian_nan,
}
