"""Packed grants by the batch against `policies.documents.consent.unpack`, grant by grant."""

from __future__ import annotations

import hashlib
import secrets
import struct

import numpy as np
import pytest

from connectors import pseudonym
from enclaves.agent.consents import words
from enclaves.agent.grants import records
from policies.documents.consent import Consent, Grant, GrantsInvalid, pack, unpack
from policies.resident import ResidentId
from tests.enclaves.worker.domain import PID_KEY, resident

KEY = pseudonym.PidKey(PID_KEY)


def head(packed: bytes) -> Consent:
    return Consent(
        id="batch",
        service="consents",
        scenario="0" * 64,
        recipient="insurer",
        scope="score",
        count=max(1, len(packed) // 74),
        grants=hashlib.sha256(packed).hexdigest(),
        granted_at="2026-01-01T00:00:00Z",
    )


def grants(count: int) -> list[Grant]:
    return [
        Grant(
            secrets.token_bytes(15) + b"\0",
            ResidentId(resident(number)),
            1_800_000_000 + number,
            secrets.token_bytes(31) + b"\0",
        )
        for number in range(count)
    ]


def taken(packed: bytes) -> object:
    return records(packed, head(packed), pids=lambda people: pseudonym.pids(KEY, people))


def test_columns_are_what_unpack_gives() -> None:
    packed = pack(grants(50))
    found = records(packed, head(packed), pids=lambda people: pseudonym.pids(KEY, people))
    plain = list(unpack(packed, head(packed)))
    assert found.ids == b"".join(grant.id for grant in plain)
    assert found.commitments.hex() == "".join(grant.commitment for grant in plain)
    assert np.frombuffer(found.expires, dtype="<i8").tolist() == [grant.expires_at for grant in plain]
    pids = pseudonym.pids(KEY, [grant.person.text for grant in plain])
    assert words(found.pids).tolist() == pids.tolist()
    # The identifier itself is in no column.
    kept = found.ids + found.pids + found.expires + found.commitments
    assert not any(grant.person.text.encode() in kept for grant in plain)


@pytest.mark.parametrize(
    "person",
    [
        resident(1)[:-1] + ("1" if resident(1)[-1] != "1" else "2"),
        resident(1)[:6] + "19501340" + resident(1)[14:],
        "３３０１０２",
        "33010219500101000x",
        " " * 18,
        "\xff" * 18,
    ],
)
def test_a_person_out_of_canonical_form_is_refused_as_by_unpack(person: str) -> None:
    raw = person.encode("utf-8", "replace")[:18].ljust(18, b"\0")
    packed = struct.pack(">16s18sq32s", bytes(16), raw, 1_800_000_000, bytes(32))
    with pytest.raises(Exception):  # noqa: B017 - unpack has two errors of its own
        list(unpack(packed, head(packed)))
    with pytest.raises(GrantsInvalid):
        taken(packed)


def test_another_count_digest_or_expiry_is_refused() -> None:
    packed = pack(grants(3))
    with pytest.raises(GrantsInvalid):
        records(packed[:-1], head(packed), pids=lambda people: pseudonym.pids(KEY, people))
    with pytest.raises(GrantsInvalid):
        records(packed[::-1], head(packed), pids=lambda people: pseudonym.pids(KEY, people))
    for expiry in (-1, 2**62):
        odd = struct.pack(">16s18sq32s", bytes(16), resident(1).encode(), expiry, bytes(32))
        with pytest.raises(GrantsInvalid):
            taken(odd)
