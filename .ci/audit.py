"""Known vulnerabilities of what the lock files pin: `python .ci/audit.py requirements.lock ...`.

Ends with 1 where an advisory source names one. Where none answers, it says that nothing was audited, and ends with 0.
"""

import json
import subprocess
import sys

PATIENCE = 90  # seconds for one lock file


def audited(lock: str) -> dict[str, object] | None:
    """pip-audit's report; None where it has none to give."""
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--disable-pip",
        "--require-hashes",
        "--progress-spinner",
        "off",
    ]
    try:
        done = subprocess.run(
            [*command, "--timeout", "5", "--format", "json", "-r", lock],
            capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        report: dict[str, object] = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        return None
    return report


def main() -> int:
    found = []
    for lock in sys.argv[1:]:
        report = audited(lock)
        packages: list[dict[str, object]] = report["dependencies"] if report else []  # type: ignore[assignment]
        answered = [each for each in packages if "skip_reason" not in each]  # pip-audit calls these passed
        found += [each for each in answered if each["vulns"]]
        if answered:
            sys.stdout.write(f"{lock}: {len(answered)} of {len(packages)} packages audited\n")
        else:
            sys.stdout.write(f"{lock}: not audited, as no advisory source answers here\n")
            break  # nor will it for the others
    for each in found:
        ids = ", ".join(vulnerability["id"] for vulnerability in each["vulns"])  # type: ignore[attr-defined]
        sys.stdout.write(f"{each['name']} {each['version']}: {ids}; raise its bound and `make lock`\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
