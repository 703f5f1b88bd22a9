"""The environment that Prefect and DVC run under here: nothing phones home, state stays in the repository."""

import os
from pathlib import Path

SITE = Path(".dvc") / "tmp" / "site"
"""What DVC otherwise keeps under the system's temporary folder, where every user of the machine may write, and reads
with pickle. It makes folders that all may write to: so this one is made for its owner alone beforehand."""


class NoApi(RuntimeError):
    """No Prefect API answers where one is expected."""


def apply(root: Path) -> None:
    """Prefect reads its environment when it is imported, so entry points call this first. What is set already wins."""
    for name, value in environment(root).items():
        os.environ.setdefault(name, value)
    if (root / ".dvc").is_dir():
        (root / SITE).mkdir(mode=0o700, parents=True, exist_ok=True)


def environment(root: Path) -> dict[str, str]:
    return {
        "DO_NOT_TRACK": "1",
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(root / SITE),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_HOME": str(root / ".prefect"),
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
        "PREFECT_CLIENT_MAX_RETRIES": "3",  # a quarter of a minute: an API that is gone must not hold up the end
        # The API keeps every log line; the terminal shows the walker's own progress instead.
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
    }
