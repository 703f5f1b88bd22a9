"""Signatures by an SSH key, which most people who use Git have: made and checked by `ssh-keygen -Y`."""

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from flows.attested.bundle import BundleError

NAMESPACE = "calibration-flows"


@dataclass(frozen=True)
class Signer:
    """valid: made by this key for this very content. principal: who that is by the file of allowed signers, if it says."""

    valid: bool
    fingerprint: str
    principal: str | None


def require_key(key: Path) -> str:
    """Its fingerprint. Raises BundleError for what is no key."""
    if not key.exists():
        raise BundleError(f"{key}: no such key; name the private key's file, as in ~/.ssh/id_ed25519")
    return _fingerprint(_ssh_keygen("-l", "-f", str(key)), f"{key}: is no SSH key")


def sign(content: bytes, key: Path) -> bytes:
    """Armored; a key with a passphrase asks for it."""
    done = _ssh_keygen("-Y", "sign", "-q", "-f", str(key), "-n", NAMESPACE, given=content)
    if done.returncode:
        raise BundleError(f"{key}: ssh-keygen cannot sign with it ({_last_line(done.stderr)})")
    return done.stdout


def signer_of(content: bytes, signature: bytes, allowed: Path | None) -> Signer:
    """allowed: as in ssh-keygen(1), 'ALLOWED SIGNERS'; None: nobody is known."""
    if allowed is not None and not allowed.exists():
        raise BundleError(f"{allowed}: no such file of allowed signers; a line of it is `name key-type key`")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "signature"
        path.write_bytes(signature)
        options = ("-n", NAMESPACE, "-s", str(path))
        done = _ssh_keygen("-Y", "check-novalidate", *options, given=content)
        if done.returncode:
            return Signer(False, "", None)
        fingerprint = done.stdout.decode(errors="replace").split()[-1]
        if allowed is None:
            return Signer(True, fingerprint, None)
        found = _ssh_keygen("-Y", "find-principals", "-f", str(allowed), "-s", str(path))
        for name in found.stdout.decode(errors="replace").splitlines():
            known = _ssh_keygen("-Y", "verify", "-f", str(allowed), "-I", name, *options, given=content)
            if known.returncode == 0:
                return Signer(True, fingerprint, name)
        return Signer(True, fingerprint, None)


def _ssh_keygen(*arguments: str, given: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(["ssh-keygen", *arguments], input=given, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise BundleError(
            "there is no ssh-keygen here: install OpenSSH 8.2 or later to sign or to check a signature"
        ) from error


def _fingerprint(done: "subprocess.CompletedProcess[bytes]", problem: str) -> str:
    """The second word: what follows names a person and a machine."""
    words = done.stdout.decode(errors="replace").split()
    if done.returncode or len(words) < 2:
        raise BundleError(f"{problem} ({_last_line(done.stderr) or _last_line(done.stdout)})")
    return words[1]


def _last_line(text: bytes) -> str:
    lines = text.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""
