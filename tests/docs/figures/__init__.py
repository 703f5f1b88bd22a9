"""Figures of the pages, each held against the output that it comes from: `python -m tests.docs.figures`."""
