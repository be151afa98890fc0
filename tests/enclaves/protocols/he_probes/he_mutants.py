"""Confined: hand mutants to the HE rooms, and say of each whether it was refused, and what total it led to.

Order: the act, the secret context, the honest contributions' sum as a frame, then what the act needs. Emits one frame per
mutant: empty for a refusal, else `u32 equal || u32 plausible`, the slots that equal the honest total and those within
+-2048 of zero, where a model's totals lie.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

import numpy as np

from enclaves.protocols import bfv, ckks
from enclaves.protocols.errors import ProtocolError

PLAUSIBLE = 2048


def main(frames: Iterator[bytes], emit: Callable[[bytes], None]) -> None:
    act, secret = next(frames).decode(), next(frames)
    honest = np.frombuffer(next(frames), dtype="<i8")
    outcome = _ACTS[act](secret, next(frames), len(honest))
    for mutant in frames:
        try:
            total = outcome(mutant)
        except ProtocolError:
            emit(b"")
            continue
        equal = np.count_nonzero(total == honest)
        emit(struct.pack("<II", equal, np.count_nonzero(np.abs(total) <= PLAUSIBLE)))


def _ciphertext(secret: bytes, other: bytes, count: int) -> Callable[[bytes], np.ndarray]:
    return lambda mutant: bfv.add_and_decrypt(secret, [mutant, other], count=count)


def _context(secret: bytes, given: bytes, count: int) -> Callable[[bytes], np.ndarray]:
    """`given` is the residues that are encrypted under the mutant, then the other party's contribution."""
    residues, other = np.frombuffer(given[: 8 * count], dtype="<u8"), given[8 * count :]

    def outcome(mutant: bytes) -> np.ndarray:
        return bfv.add_and_decrypt(secret, [bfv.encrypt(mutant, residues), other], count=count)

    return outcome


def _reals(secret: bytes, other: bytes, count: int) -> Callable[[bytes], np.ndarray]:
    release = ckks.Release(parties=2, slots=count, bound=1000.0, grid_bits=0)
    return lambda mutant: ckks.open_sum(secret, [mutant, other], release=release)


_ACTS = {"ciphertext": _ciphertext, "context": _context, "reals": _reals}
