"""Tells the demo's steps with their time to whoever watches, on standard error, so that `--json` stays clean."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table


class Narrator:
    """Prints one line per step: what was done, what came of it, how long it took."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.started = time.monotonic()
        self._result = ""

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    @contextmanager
    def step(self, zh: str, en: str) -> Iterator[None]:
        """One step; `result` inside it says what came of it."""
        before, self._result = time.monotonic(), ""
        with self.console.status(f"{zh} · {en}"):
            yield
        took = time.monotonic() - before
        self.console.print(
            f"[green]✓[/] {zh} · {en} [dim]{took:5.1f} s[/]"
            + (f"\n    {self._result}" if self._result else "")
        )

    def result(self, text: str) -> None:
        self._result = text

    def heading(self, zh: str, en: str) -> None:
        self.console.print(f"\n[bold]{zh}[/] · [bold]{en}[/]")

    def table(self, columns: list[str], rows: list[list[str]]) -> None:
        table = Table(box=None, pad_edge=False)
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*row)
        self.console.print(table)
