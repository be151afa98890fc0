"""Writes docs/questions.md and its charts from a real run: `python -m sandbox.demo.make_questions`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from rich.console import Console

from sandbox.demo.inquiry import inquire, write_charts
from sandbox.demo.narrator import Narrator
from sandbox.demo.page import IMAGES, page

DOCS: Final = Path("docs")


def main() -> None:
    """Run from the folder of the repository."""
    found = inquire(Narrator(Console(stderr=True, highlight=False)))
    write_charts(found, DOCS / IMAGES, png=False)
    (DOCS / "questions.md").write_text(page(found), encoding="utf-8")


if __name__ == "__main__":
    main()
