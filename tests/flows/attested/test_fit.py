"""A bundle that was altered, and a clone that moved on: each value is named, and nothing else is."""

import getpass
import io
import random
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from flows import verify
from flows.attested.bundle import CELLS, Bundle, BundleError, manifest_of, read_bundle, write_bundle
from flows.attested.contents import contents, subject
from flows.attested.crate import with_metadata
from flows.attested.fit import Fit, fit
from flows.attested.leaves import table_cells, yaml_values
from flows.attested.signature import require_key, sign
from flows.attested.told import told
from flows.published.verdicts import FileVerdict
from flows.worktrees.worktree import committed_file
from tests.clone import Clone, clone_working_tree
from tests.imports import ROOT

pytest.importorskip("rocrate")
FOLDER = "studies/later-messages"
PLACE = Path("bundle.zip")
CSV = "results/fpr_thresholds/table.csv"
JSON = "results/fpr_thresholds/decision.json"
LOCK, DATA, PARAMS = "dvc.lock", "data.dvc", "params.yaml"
TAMPERED = 100


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    return clone_working_tree(tmp_path_factory.mktemp("attested") / "clone")


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True)
    return path


@pytest.fixture(scope="module")
def bundle(clone: Clone) -> Bundle:
    """Of a study whose tables came out as they were committed."""
    return made(clone, {})


def made(clone: Clone, again: dict[str, bytes], key: Path | None = None) -> Bundle:
    """again: what came out otherwise."""
    commit = clone.run("git", "rev-parse", "HEAD").strip()
    listed = clone.run("git", "ls-files", f"{FOLDER}/results").splitlines()
    names = [name.removeprefix(f"{FOLDER}/") for name in listed]

    def committed(name: str) -> bytes | None:
        return committed_file(clone.path, commit, f"{FOLDER}/{name}")

    checked = [FileVerdict(name, "different" if name in again else "identical") for name in names]
    left = {name: again.get(name) or committed(name) or b"" for name in (LOCK, *names)}
    of = subject(clone.path, commit, FOLDER, ["fpr_thresholds"])
    signer = require_key(key) if key else None
    files = with_metadata(contents(of, committed, left, checked, signer), of)
    manifest = manifest_of(files)
    return Bundle(files, manifest, sign(manifest, key) if key else None)


def fitted(clone: Clone, bundle: Bundle, allowed: Path | None = None) -> Fit:
    return fit(clone.path, PLACE, bundle, allowed)


def values_of(name: str, content: bytes) -> dict[str, str]:
    if name.startswith("results/"):
        return {f"{row} {column}": value for (row, column), value in table_cells(name, content).items()}
    return dict(yaml_values(content))


def edited(name: str, content: bytes, rng: random.Random) -> tuple[str, bytes]:
    """The name of one value, and the file with another one in its place."""
    if name.startswith("results/"):
        lines = content.decode().splitlines(keepends=True)
        while True:
            at = rng.randrange(1, len(lines))
            digits = [i for i, char in enumerate(lines[at]) if char in "123456789"]
            if not digits:
                continue
            place = rng.choice(digits)
            line = lines[at][:place] + str(int(lines[at][place]) % 9 + 1) + lines[at][place + 1 :]
            new = "".join([*lines[:at], line, *lines[at + 1 :]]).encode()
            before, after = values_of(name, content), values_of(name, new)
            if changed := [each for each in {*before, *after} if before.get(each) != after.get(each)]:
                return min(changed), new
    values = values_of(name, content)
    chosen = rng.choice([each for each in values if name != LOCK or each.endswith((".md5", ".cmd", ".seed"))])
    document = YAML(typ="safe").load(content.decode())
    replace_value(document, chosen)
    text = io.StringIO()
    YAML(typ="safe").dump(document, text)
    return chosen, text.getvalue().encode()


def replace_value(document: object, name: str) -> None:
    """The value of that dotted name becomes another one."""
    inner, key = document, ""
    if isinstance(inner, list):
        items = {
            str(each.get("path", i)) if isinstance(each, dict) else str(i): i for i, each in enumerate(inner)
        }
    else:
        assert isinstance(inner, dict)
        items = {str(each): each for each in inner}
    key = max((each for each in items if name == each or name.startswith(f"{each}.")), key=len)
    if name == key:
        inner[items[key]] = "tampered"
    else:
        replace_value(inner[items[key]], name[len(key) + 1 :])


def tamper_bundle(bundle: Bundle, kind: str, rng: random.Random) -> tuple[Bundle, str]:
    """The bundle with one value changed, and what has to be named. Every other time the hashes are made to fit."""
    if kind in (CSV, JSON):
        rows = bundle.files[CELLS].decode().splitlines(keepends=True)
        at = rng.choice(
            [i for i, row in enumerate(rows) if row.startswith(f"{kind},") and ",identical" in row]
        )
        fields = rows[at].rstrip("\n").split(",")
        fields[-3] = fields[-3] + "7"
        new = "".join([*rows[:at], ",".join(fields) + "\n", *rows[at + 1 :]]).encode()
        files, named = {**bundle.files, CELLS: new}, fields[1]
    else:
        path = f"committed/{kind}"
        named, new = edited(kind, bundle.files[path], rng)
        files = {**bundle.files, path: new}
    return replace(
        bundle, files=files, manifest=manifest_of(files) if rng.random() < 0.5 else bundle.manifest
    ), named


def test_a_bundle_fits_the_clone_that_it_was_made_in(clone: Clone, bundle: Bundle) -> None:
    found = fitted(clone, bundle)
    assert (found.altered, found.moved, found.differing) == ([], [], [])
    assert found.cells > 500
    assert told(PLACE, found)[0] == "bundle.zip fits this clone, and says that its tables came out again."


def test_a_hundred_values_that_were_tampered_with_are_named_one_by_one(clone: Clone, bundle: Bundle) -> None:
    rng = random.Random(1605)
    named = 0
    for number in range(TAMPERED):
        kind = (CSV, LOCK, DATA, PARAMS, JSON)[number % 5]
        if number % 2:
            tampered, what = tamper_bundle(bundle, kind, rng)
            found = fitted(clone, tampered)
            lines = found.altered
            assert told(PLACE, found)[0].startswith("Do not use")
        else:
            path = clone.path / FOLDER / kind
            before = path.read_bytes()
            what, now = edited(kind, before, rng)
            path.write_bytes(now)
            found = fitted(clone, bundle)
            path.write_bytes(before)
            lines = found.moved
            assert not found.altered
        named += any(line.startswith(f"{kind}: ") and what in line for line in lines)
    assert named == TAMPERED


def test_what_a_run_gave_otherwise_stands_in_the_bundle_cell_by_cell(clone: Clone) -> None:
    content = (clone.path / FOLDER / CSV).read_bytes()
    other = content.replace(b",0.02,", b",0.03,", 1)
    assert other != content
    found = fitted(clone, made(clone, {CSV: other}))
    assert (found.altered, found.moved, len(found.differing)) == ([], [], 1)
    rows = made(clone, {CSV: other}).files[CELLS].decode().splitlines()
    assert [row.split(",")[-3:] for row in rows if row.endswith("different")] == [
        ["0.02", "0.03", "different"]
    ]


def test_other_code_and_other_data_are_named(clone: Clone, bundle: Bundle) -> None:
    module = clone.path / "methods" / "budgets" / "thresholds.py"
    text, data = module.read_text(), clone.path / FOLDER / "data"
    module.write_text(text + "# edited\n")
    data.mkdir()
    (data / "other.csv").write_text("a\n")
    found = fitted(clone, bundle)
    module.write_text(text)
    shutil.rmtree(data)
    assert [line.partition(":")[0] for line in found.moved[:1]] == ["methods/budgets/thresholds.py"]
    assert "data/ is not what data.dvc pins" in found.moved[1]


def test_a_clone_without_the_commit_says_so(tmp_path: Path, bundle: Bundle) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    found = fit(tmp_path, PLACE, bundle, None)
    assert found.moved[0].endswith("is not in this clone: `git fetch` it, or clone anew")


def test_signatures(clone: Clone, key: Path, tmp_path: Path) -> None:
    signed = made(clone, {}, key)
    allowed = tmp_path / "allowed"
    allowed.write_text(f"reviewer {key.with_suffix('.pub').read_text()}")
    assert "by an unknown key (SHA256:" in told(PLACE, fitted(clone, signed))[1]
    assert told(PLACE, fitted(clone, signed, allowed))[1].startswith("It is signed by reviewer (SHA256:")
    assert "the signature of" in fitted(clone, replace(signed, signature=None)).altered[0]
    other = tamper_bundle(signed, PARAMS, random.Random(1))[0]
    forged = replace(other, manifest=manifest_of(other.files))
    assert fitted(clone, forged).altered[0] == "the signature is not of this bundle"


def test_the_same_run_gives_the_same_bytes_and_they_name_no_machine(
    clone: Clone, bundle: Bundle, tmp_path: Path
) -> None:
    for name in ("one.zip", "two.zip"):
        write_bundle(tmp_path / name, made(clone, {}))
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    text = b"\n".join(read_bundle(tmp_path / "one.zip").files.values()).decode()
    names = {socket.gethostname(), str(ROOT), str(Path.home()), str(clone.path), f"/home/{getpass.getuser()}"}
    assert not [name for name in names if len(name) > 3 and name in text]


Damage = Callable[[Path], None]


def shortened(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def of_another_format(path: Path) -> None:
    read = read_bundle(path)
    statement = read.files["attestation.json"].replace(b'"format": 1', b'"format": 2')
    write_bundle(path, replace(read, files={**read.files, "attestation.json": statement}))


def without_cells(path: Path) -> None:
    read = read_bundle(path)
    write_bundle(
        path, replace(read, files={name: each for name, each in read.files.items() if name != CELLS})
    )


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (shortened, "is no bundle, or a part of one"),
        (of_another_format, "is of format 2, this version reads 1"),
        (without_cells, "it has no cells.csv"),
        (Path.unlink, "no such file"),
        (lambda path: path.write_text("text"), "is no bundle, or a part of one"),
    ],
)
def test_what_is_no_bundle_is_refused_in_one_line(
    clone: Clone, bundle: Bundle, tmp_path: Path, damage: Damage, said: str
) -> None:
    path = tmp_path / "bundle.zip"
    write_bundle(path, bundle)
    damage(path)
    with pytest.raises(BundleError) as refusal:
        fit(clone.path, path, read_bundle(path), None)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--attest", "nowhere/a.zip"], "a bundle is a file in a folder that is there"),
        (["--attest", "a.zip", "--sign", "no-key"], "no-key: no such key"),
        (["--attest", "a.zip", "--sign", "params.yaml"], "params.yaml: is no SSH key"),
        (["--check", "a.zip"], "a.zip: no such file"),
    ],
)
def test_a_command_that_cannot_end_well_does_not_begin(clone: Clone, options: list[str], said: str) -> None:
    done = clone.try_(sys.executable, "-m", "flows.verify", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_the_library_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("flows.attested.crate.find_spec", lambda name: None)
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("flows.walk.settings.apply", lambda root: None)
    assert verify.main(["--attest", "a.zip"]) == 2
    assert capsys.readouterr().err.startswith("--attest needs the extra `attest`: `uv pip install")
