"""Attack A14, to the bytes: a slot without consent is outside the effective set, and its sealed bytes do not exist.

`test_a14_enclave_consent` goes through the ways a consent can fail one by one; here they stand in one job beside good ones,
against a naive enclave that gets the same list, and what was handed over is measured.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from policies.documents.job import Release
from tests.enclaves.agent.district import NAMES, NOW, District, found, resident

GOOD = [resident(number) for number in range(4)]
BAD = ("none", "withdrawn", "expired", "other scenario", "other recipient")
SEALED_BYTES = 24


@dataclass
class NaiveEnclave:
    """Takes the list of an approved job for consent: whoever it knows is scored."""

    known: dict[bytes, int]

    def scores(self, ids: list[bytes]) -> list[int | None]:
        return [self.known.get(item) for item in ids]


def bad_ids(district: District) -> list[bytes]:
    people = [resident(number) for number in range(10, 14)]
    (withdrawn,) = district.consent(people[:1])
    district.withdraw([withdrawn])
    (expired,) = district.consent(people[1:2], expires=NOW - timedelta(days=1))
    (elsewhere,) = district.consent(people[2:3], scenario="ab" * 32)
    (other,) = district.consent(people[3:4], recipient="other-insurer")
    return [secrets.token_bytes(16), withdrawn, expired, elsewhere, other]


def test_the_naive_enclave_scores_every_one_of_them() -> None:
    ids = [secrets.token_bytes(16) for _ in BAD]
    assert None not in NaiveEnclave(dict.fromkeys(ids, 1)).scores(ids)


@pytest.mark.req("RQ-030", "RQ-299", "RQ-308")
def test_slots_without_consent_are_not_effective_and_have_no_sealed_bytes(tmp_path: Path) -> None:
    district = found(tmp_path, NAMES[:2])
    bad, good = bad_ids(district), district.consent(GOOD)
    ids = [*good[:2], *bad, *good[2:]]
    plan, envelope = district.run(district.job(ids))
    bands = [district.reference_band(person) for person in GOOD]
    assert district.bands(plan, envelope) == [*bands[:2], *[None] * len(BAD), *bands[2:]]
    release = Release.read(envelope)
    data, _ = district.relay.attachments[release.sealed.slots]
    size = (len(ids) + 7) // 8
    effective = np.unpackbits(np.frombuffer(data[:size], dtype=np.uint8))[: len(ids)].tolist()
    assert effective == [1, 1, *[0] * len(BAD), 1, 1]
    assert len(data) == size + SEALED_BYTES * len(GOOD)
    assert release.sealed.count == len(GOOD)
    # Nor is anything debited for them: no domain computed over any of these people.
    for domain in district.domains.values():
        rows = domain.house.ledger._durable.rows("SELECT persons FROM debits WHERE job = ?", (plan.job,))
        assert sum(len(row[0]) for row in rows) == 8 * len(GOOD)


@pytest.mark.req("RQ-030", "RQ-299")
def test_a_job_of_nothing_but_such_slots_leaves_no_bundle(tmp_path: Path) -> None:
    district = found(tmp_path, NAMES[:2])
    plan, body = district.plan(district.job(bad_ids(district)))
    district.start(plan, body)
    assert district.refusals(plan) == ["consent_missing"] * 2
    assert district.relay.said("bundle", plan.sid.hex()) == []
