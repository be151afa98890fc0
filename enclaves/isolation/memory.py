"""How much memory a tree of processes holds at its height.

The figure is the highest sum of proportional set sizes (PSS) over this process and everything below it, sampled ten times a
second; PSS counts a page shared by n processes once, a part to each.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

import psutil

_SAMPLE_SECONDS: Final = 0.1


class MemoryWatch:
    """While the context is open, in MB: the highest summed PSS of this process and all below it, and of any one below it."""

    def __init__(self) -> None:
        self.peak_mb = 0.0
        self.largest_below_mb = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        me = psutil.Process()
        while not self._stop.wait(_SAMPLE_SECONDS):
            total = me.memory_full_info().pss
            for process in me.children(recursive=True):
                with suppress(psutil.Error):
                    held = process.memory_full_info().pss
                    total += held
                    self.largest_below_mb = max(self.largest_below_mb, held / 1e6)
            self.peak_mb = max(self.peak_mb, total / 1e6)
