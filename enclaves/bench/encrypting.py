"""BFV as the project uses it beside TenSEAL in a plain loop: encrypt, add, decrypt, in this process and without rows.

Ours bounds every frame, gives all frames one size, checks every context and count, and centers the sums; the loop does none of
it. Confined starts, scans and masks are measured by `domicile bench score --mode bfv`.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import numpy as np

from enclaves.bench.baselines import raw_tenseal
from enclaves.protocols import bfv


@dataclass(frozen=True, slots=True)
class EncryptingClock:
    """Median seconds of both, and the bytes that one subject of one domain takes."""

    domains: int
    subjects: int
    seconds: float
    raw_seconds: float
    bytes_each: float


def measure(domains: int, subjects: int, *, rounds: int) -> EncryptingClock:
    """The clock of `domains` vectors of `subjects` residues, both ways in turn."""
    keys = bfv.generate()
    values = np.arange(subjects, dtype=np.uint64) % np.uint64(bfv.MODULUS // (2 * domains))
    ours, raw, size = [], [], 0
    for _ in range(rounds):
        before = time.perf_counter()
        sent = [bfv.encrypt(keys.public, values) for _ in range(domains)]
        total = bfv.add_and_decrypt(keys.secret, sent, count=subjects)
        ours.append(time.perf_counter() - before)
        if not np.array_equal(total, values.astype(np.int64) * domains):
            raise ArithmeticError("expected the sum that was encrypted, got another")
        size = len(sent[0])
        raw.append(raw_tenseal(domains, subjects))
    return EncryptingClock(
        domains, subjects, statistics.median(ours), statistics.median(raw), size / subjects
    )
