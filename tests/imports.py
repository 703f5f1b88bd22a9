"""Where the repository lies and what it is made of, for the tests."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("flows", "tasks", "methods", "simulators", "storage", "params", "serving")
