"""Which people vet jobs have counted, so that no two cohorts differ by a few of them (attack A10 in its small form).

Band counts are rounded, not noised: a list with and without one person could move a count by a step and tell that person's
band, and a vet job debits no capacity. Therefore:

1. A cohort is the set of persons behind a vet job's effective slots, known here or not.
2. The same cohort may be counted again. One that differs from an earlier by 1 to 49 persons, added and left out together,
   is refused, whatever model or scenario it is for; the way out is the earlier list.
3. Durable before anything is counted, and idempotent by job: a further attempt of a job is held against the others.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from enclaves.run.durable import Durable
from enclaves.run.errors import RunRefused

MIN_DIFFERENCE: Final = 50
_TABLE: Final = """CREATE TABLE IF NOT EXISTS vet_cohorts (
    cohort INTEGER PRIMARY KEY, job TEXT NOT NULL, persons BLOB NOT NULL, UNIQUE (job, persons))"""

Pids = NDArray[np.uint64]


class Cohorts:
    """The cohorts counted so far, in the enclave's state."""

    def __init__(self, durable: Durable) -> None:
        self._durable = durable
        durable.define(_TABLE)

    def keep(self, job: str, pids: Pids) -> None:
        """Record the cohort of `job` (pids uint64 [k, 2], one a person), or raise RunRefused(`vet_cohort_too_close`)."""
        cohort = _sorted(pids)
        for (earlier,) in self._durable.rows("SELECT persons FROM vet_cohorts"):
            differing = len(np.setxor1d(cohort, np.frombuffer(earlier, dtype="S16")))
            if 0 < differing < MIN_DIFFERENCE:
                raise RunRefused(
                    "vet_cohort_too_close",
                    f"expected an earlier cohort again or one that differs by {MIN_DIFFERENCE} persons, got a closer one",
                )
        self._durable.run(
            "INSERT OR IGNORE INTO vet_cohorts (job, persons) VALUES (?, ?)", (job, cohort.tobytes())
        )


def _sorted(pids: Pids) -> NDArray[np.bytes_]:
    """The distinct pids as 16-byte items, in byte order (of equal length, so that trailing zeros keep them apart)."""
    return np.unique(np.ascontiguousarray(pids.astype(">u8")).view("S16").reshape(-1))
