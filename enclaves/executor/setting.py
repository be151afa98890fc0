"""The one setting that chooses where heavy work runs, and how much of it at a time.

Memory is bounded by it: at most `workers` tasks run at once, each in at most `worker_memory_bytes` where it is confined, and
at most `in_flight` payloads and results exist at once, whatever the number of partitions.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from enclaves.executor.cluster import host_and_port
from enclaves.executor.errors import SettingInvalid

MAX_RETRIES: Final = 10
MAX_WORKERS: Final = 4096


class Kind(Enum):
    """Where tasks run."""

    LOCAL = "local"
    RAY = "ray"


@dataclass(frozen=True, slots=True)
class Setting:
    """The executor and its bounds."""

    kind: Kind = Kind.LOCAL
    workers: int = 2
    """Tasks that run at the same time."""
    in_flight: int = 4
    """Partitions taken up whose result has not been fetched yet."""
    retries: int = 2
    """Times a partition is given to another worker after one was lost with it."""
    worker_memory_bytes: int = 4 << 30
    """Address space of one confined worker."""
    address: str | None = None
    """A running Ray cluster, host and port; None starts one on this machine."""
    object_store_bytes: int = 100_000_000
    """Shared memory of a Ray cluster started here."""

    def __post_init__(self) -> None:
        if not 1 <= self.workers <= MAX_WORKERS:
            raise SettingInvalid(f"expected 1 to {MAX_WORKERS} workers, got {self.workers}")
        if self.in_flight < self.workers:
            raise SettingInvalid(
                f"expected at least as many partitions in flight as workers, got {self.in_flight} for {self.workers}"
            )
        if not 0 <= self.retries <= MAX_RETRIES:
            raise SettingInvalid(f"expected 0 to {MAX_RETRIES} retries, got {self.retries}")
        if self.worker_memory_bytes < 1 or self.object_store_bytes < 1:
            raise SettingInvalid("expected memory above 0 bytes, got none")
        if self.kind is Kind.LOCAL and self.address is not None:
            raise SettingInvalid("expected an address for a Ray cluster alone, got one for the local pool")
        if self.address is not None:
            host_and_port(self.address)


def kind_of(text: str) -> Kind:
    """The executor a configuration names. Raises SettingInvalid."""
    try:
        return Kind(text)
    except ValueError:
        raise SettingInvalid(f"expected executor `local` or `ray`, got `{text[:40]}`") from None
