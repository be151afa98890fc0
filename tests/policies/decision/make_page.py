"""Writes docs/policies.md: `python -m tests.policies.decision.make_page`."""

from __future__ import annotations

from pathlib import Path

from policies.decision import product
from policies.decision.rulebook import page

PAGE = Path(__file__).parents[3] / "docs" / "policies.md"

if __name__ == "__main__":
    PAGE.write_text(page(product()), encoding="utf-8")
