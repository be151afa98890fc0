"""Long fuzz runs in slices: each has its own seed, and `VARIABLE=3:5` in the environment takes only some, to go on later."""

from __future__ import annotations

import os


def chosen(variable: str, slices: int) -> range:
    """The slices to run: all, `3` alone, or `3:5` without the last."""
    first, _, end = os.environ.get(variable, f"0:{slices}").partition(":")
    return range(int(first), int(end) if end else int(first) + 1)
