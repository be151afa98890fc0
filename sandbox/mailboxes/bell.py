"""Waking long polls: a bell rung from any thread, heard by every waiter of that name in its event loop.

A bell carries nothing and may ring for nothing: whoever hears it looks again in the store.
"""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict


class Bell:
    """Waiters by name."""

    def __init__(self) -> None:
        self.stopped = False
        self._lock = threading.Lock()
        self._waiters: dict[str, set[tuple[asyncio.AbstractEventLoop, asyncio.Event]]] = defaultdict(set)

    def ring(self, name: str) -> None:
        """Wake everyone who waits for `name`; callable from any thread."""
        with self._lock:
            waiters = list(self._waiters.get(name, ()))
        for loop, event in waiters:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

    def listen(self, name: str) -> asyncio.Event:
        """An event that the next ring sets. Listen before looking, so that nothing rings unheard in between."""
        event = asyncio.Event()
        with self._lock:
            self._waiters[name].add((asyncio.get_running_loop(), event))
        return event

    def leave(self, name: str, event: asyncio.Event) -> None:
        """Stop waiting."""
        with self._lock:
            waiters = self._waiters.get(name, set())
            waiters.discard((asyncio.get_running_loop(), event))
            if not waiters:
                self._waiters.pop(name, None)

    def stop(self) -> None:
        """Wake everyone for the last time, so that a server that stops lets its waiters go."""
        self.stopped = True
        for name in list(self._waiters):
            self.ring(name)
