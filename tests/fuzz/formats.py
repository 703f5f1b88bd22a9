"""Which mutations a file can have, by its format."""

from pathlib import Path

from tests.fuzz.gzip_files import of_gzip
from tests.fuzz.json_documents import JSON
from tests.fuzz.json_lines import JSONL
from tests.fuzz.markup import XML
from tests.fuzz.media import FITS, FLAC, JPEG, PNG, WAV
from tests.fuzz.mutations import BYTES, Mutation
from tests.fuzz.npy_files import NPY
from tests.fuzz.npz_files import NPZ
from tests.fuzz.parquet import PARQUET
from tests.fuzz.safetensors_files import SAFETENSORS
from tests.fuzz.text_tables import CSV
from tests.fuzz.word_lines import LINES

FORMATS = {
    "csv": CSV, "tsv": CSV, "jsonl": JSONL, "json": JSON, "xml": XML, "txt": LINES, "lines": LINES,
    "parquet": PARQUET, "npz": NPZ, "npy": NPY, "safetensors": SAFETENSORS,
    "png": PNG, "jpg": JPEG, "jpeg": JPEG, "wav": WAV, "flac": FLAC, "fits": FITS, "bytes": {},
}  # fmt: skip


def mutations_of(path: Path, form: str | None) -> dict[str, Mutation]:
    """By the form, or by the suffix; what is unknown is bytes."""
    inner = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    own = FORMATS.get(form or inner.removeprefix(".").lower(), {})
    if path.suffix == ".gz":
        own = of_gzip(own, inner)
    return {**own, **BYTES}
