"""Arrays, tensors, places and contents that a stranger brings."""

import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from storage.files.arrays import array_names, read_foreign_array, read_foreign_arrays
from storage.files.content import copies, file_digest, row_digests
from storage.files.documents import read_foreign_json
from storage.files.import_report import ImportReport
from storage.files.inputs import InputError
from storage.files.places import inside
from storage.files.tensors import read_foreign_tensors, tensor_names


def npy(header: dict[str, Any], data: bytes = b"") -> bytes:
    text = repr(header).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


@pytest.mark.parametrize(
    "values",
    [
        np.arange(12.0).reshape(3, 4), np.asfortranarray(np.arange(12).reshape(3, 4)), np.array(["a", "bc"]),
        np.zeros((0, 3), np.float32), np.array(2.5), np.array([True, False]), np.arange(3, dtype=">i4"),
    ],
    ids=["floats", "fortran", "text", "empty", "scalar", "bools", "big_endian"],
)  # fmt: skip
def test_arrays_come_back_as_numpy_reads_them(tmp_path: Path, values: np.ndarray[Any, Any]) -> None:
    np.save(tmp_path / "a.npy", values)
    np.savez_compressed(tmp_path / "a.npz", values=values, other=np.arange(3))
    for read in (
        read_foreign_array(tmp_path / "a.npy"),
        read_foreign_arrays(tmp_path / "a.npz", ["values", "none"])["values"],
    ):
        assert read.dtype == values.dtype and read.shape == values.shape and (read == values).all()
    assert array_names(tmp_path / "a.npz") == ["values", "other"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not a numpy array"),
        (b"\x93NUMPY\x07\x00aaaa", "not a numpy array"),
        (
            npy({"descr": "<f8", "fortran_order": False, "shape": (10**11,)}),
            r"says that it is \(100000000000,\)",
        ),
        (npy({"descr": "<f8", "fortran_order": False, "shape": (-4,)}, bytes(64)), "says that it is"),
        (
            npy({"descr": "<f8", "fortran_order": False, "shape": (9,)}, bytes(64)),
            "ends within|says that it is",
        ),
        (npy({"descr": "|O", "fortran_order": False, "shape": (1,)}, bytes(64)), "Python objects"),
        (npy({"descr": "<zz", "fortran_order": False, "shape": (1,)}, bytes(64)), "not a numpy array"),
        (b"\x93NUMPY\x01\x00" + struct.pack("<H", 9000) + b"(" * 9000, "not a numpy array"),
    ],
)
def test_a_bad_npy_is_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "a.npy").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", content)
    for read in (
        lambda: read_foreign_array(tmp_path / "a.npy"),
        lambda: read_foreign_arrays(tmp_path / "a.npz", ["x"]),
    ):
        with pytest.raises(InputError, match=said) as caught:
            read()
        assert "\n" not in str(caught.value)


def test_members_that_are_not_wanted_are_not_unpacked(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(40 << 20, np.float64))
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("large.npy", buffer.getvalue())
        buffer = io.BytesIO()
        np.save(buffer, np.arange(3))
        archive.writestr("x.npy", buffer.getvalue())
    assert read_foreign_arrays(tmp_path / "a.npz", ["x"])["x"].tolist() == [0, 1, 2]
    with pytest.raises(InputError, match="field large: unpacks to 320 MB"):
        read_foreign_arrays(tmp_path / "a.npz", ["large"])


def test_a_cut_npz_is_one_line(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", x=np.random.default_rng(0).random(1000))
    content = (tmp_path / "a.npz").read_bytes()
    for place in range(0, len(content), 97):
        (tmp_path / "b.npz").write_bytes(content[:place])
        with pytest.raises(InputError, match=r"b.npz"):
            read_foreign_arrays(tmp_path / "b.npz", ["x"])
        flipped = content[:place] + bytes([content[place] ^ 0x5A]) + content[place + 1 :]
        (tmp_path / "b.npz").write_bytes(flipped)
        try:
            read_foreign_arrays(tmp_path / "b.npz", ["x"])
        except InputError as error:
            assert "\n" not in str(error)


def test_tensors_are_read_by_name(tmp_path: Path) -> None:
    save_file({"a": np.arange(4, dtype=np.float32), "b": np.ones(2)}, tmp_path / "t.safetensors")
    assert tensor_names(tmp_path / "t.safetensors") == ["a", "b"]
    assert read_foreign_tensors(tmp_path / "t.safetensors", ["a", "c"])["a"].tolist() == [0, 1, 2, 3]
    (tmp_path / "u.safetensors").write_bytes(struct.pack("<Q", 1 << 40) + b"{}")
    with pytest.raises(InputError, match="not a safetensors file"):
        read_foreign_tensors(tmp_path / "u.safetensors", ["a"])


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "../out.txt", "a/../../out.txt", "a\\b", "C:x", "a\0b", "link", "a"]
)
def test_no_file_outside_its_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "data"
    (folder / "a").mkdir(parents=True)
    (tmp_path / "out.txt").write_text("out")
    (folder / "link").symlink_to(tmp_path / "out.txt")
    with pytest.raises(InputError, match=r"manifest.csv, row 3, field path: ") as caught:
        inside(folder, name, path=folder / "manifest.csv", row=3, field="path")
    assert str(tmp_path / "out.txt") not in str(caught.value)
    assert ("; write / for \\" in str(caught.value)) == ("\\" in name)


def test_links_within_the_folder_and_into_dvcs_cache_are_followed(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.txt").write_text("a")
    (folder / "near").symlink_to("a.txt")
    cached = tmp_path / ".dvc/cache/files/md5/0a" / ("b" * 30)
    cached.parent.mkdir(parents=True)
    cached.write_text("c")
    (folder / "pinned").symlink_to(cached)
    for name in ("a.txt", "./a.txt", "near", "pinned"):
        assert inside(folder, name, path=folder / "m.csv").exists()


def test_copies_are_found_by_content(tmp_path: Path) -> None:
    values = np.array([[1.0, 0.0], [2.0, 1.0], [1.0, -0.0], [3.0, 1.0], [2.0, 1.0]])
    assert copies(row_digests(values)) == [[0, 2], [1, 4]]
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"same")
    assert file_digest(tmp_path / "a") == file_digest(tmp_path / "b")


def test_deep_json_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([1]) + "x")
    with pytest.raises(InputError, match=r"a.json, row 1: not JSON"):
        read_foreign_json(tmp_path / "a.json")
    (tmp_path / "a.json").write_text('{"a":' * 50_000)
    with pytest.raises(InputError, match="nested too deeply"):
        read_foreign_json(tmp_path / "a.json")


def test_reports_count_and_show_three_examples() -> None:
    report = ImportReport()
    for row in range(242):
        report.note(Path("x/rows.csv"), "class has one row", examples=[f"class {row}"])
    report.drop(Path("rows.csv"), "box lies outside its image", 0)
    assert report.counts() == {"dropped": {}, "repaired": {}, "noted": {"rows.csv: class has one row": 242}}
    assert report.lines() == [
        "noted       242  rows.csv: class has one row (such as class 0, class 1, class 2)"
    ]
