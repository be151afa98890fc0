"""Packed grants as columns: checked like `policies.documents.consent.unpack`, a batch at a time.

Every identifier is checked to be canonical (GB 11643) before its pid is taken, and is gone when this returns. A test
holds this module against `unpack`, grant by grant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from connectors.sources import residents
from enclaves.agent.consents import Records
from policies.documents.consent import GRANT_BYTES, MAX_UNIX_SECONDS, Consent, GrantsInvalid, commitment

Pids = Callable[[Iterable[str]], NDArray[np.uint64]]

_GRANT: Final = np.dtype([("id", "V16"), ("person", "S18"), ("expires", ">i8"), ("salt", "V32")])


def records(data: bytes, head: Consent, *, pids: Pids) -> Records:
    """The grants of `head` as records; `pids` gives the pids of canonical identifiers. Raises GrantsInvalid."""
    if len(data) != head.count * GRANT_BYTES:
        raise GrantsInvalid(f"expected {head.count} grants of {GRANT_BYTES} bytes, got {len(data)} bytes")
    if hashlib.sha256(data).hexdigest() != head.grants:
        raise GrantsInvalid("expected the grants the head names, got others")
    grants = np.frombuffer(data, dtype=_GRANT)
    if not ((grants["expires"] >= 0) & (grants["expires"] <= MAX_UNIX_SECONDS)).all():
        raise GrantsInvalid("expected expiries between the years 1970 and 9999, got another")
    ids, salts = grants["id"].tobytes(), grants["salt"].tobytes()
    return Records(
        ids=ids,
        pids=pids(_persons(grants["person"])).astype("<u8", copy=False).tobytes(),
        expires=grants["expires"].astype("<i8").tobytes(),
        commitments=_commitments(ids, salts),
    )


def _persons(packed: NDArray[np.bytes_]) -> list[str]:
    try:
        persons: list[str] = packed.astype("U18").tolist()
    except UnicodeDecodeError:
        raise GrantsInvalid("expected resident numbers in ASCII, got other bytes") from None
    canonical, valid = residents.canonical(pa.array(persons, pa.string()))
    # A person in any but the canonical form is refused: one grant has one spelling.
    if not bool(np.all(valid)) or canonical.to_pylist() != persons:
        raise GrantsInvalid("expected canonical resident numbers, got another form")
    return persons


def _commitments(ids: bytes, salts: bytes) -> bytes:
    found = [
        commitment(ids[16 * at : 16 * at + 16], salts[32 * at : 32 * at + 32]) for at in range(len(ids) // 16)
    ]
    return bytes.fromhex("".join(found))
