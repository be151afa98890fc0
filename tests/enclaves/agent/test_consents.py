"""Which slots are accepted: consents against a plain dictionary, in batches small and large."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from enclaves.agent.consents import ConsentStore, Records, first_of_each, words
from enclaves.run.durable import Durable
from policies.documents.consent import Consent

NOW = 1_800_000_000


def batch(
    service: str = "consents", scenario: str = "a", recipient: str = "insurer", count: int = 1
) -> Consent:
    return Consent(
        id="batch",
        service=service,
        scenario=scenario * 64,
        recipient=recipient,
        scope="score",
        count=count,
        grants="0" * 64,
        granted_at="2026-01-01T00:00:00Z",
    )


def add(store: ConsentStore, name: str, head: Consent, rows: list[tuple[bytes, bytes, int, bytes]]) -> None:
    store.add(
        name,
        head,
        Records(
            ids=b"".join(row[0] for row in rows),
            pids=b"".join(row[1] for row in rows),
            expires=np.array([row[2] for row in rows], dtype="<i8").tobytes(),
            commitments=b"".join(row[3] for row in rows),
        ),
    )


def accepted(
    store: ConsentStore,
    ids: list[bytes],
    *,
    recipient: str | None = "insurer",
    withdrawn: tuple[str, ...] = (),
) -> list[bytes | None]:
    found = store.resolve(
        b"".join(ids),
        scenario="a" * 64,
        service="consents",
        recipient=recipient,
        now=NOW,
        withdrawn=withdrawn,
    )
    assert not found.pids[~found.accepted].any()
    return [pid.tobytes() if ok else None for pid, ok in zip(found.pids, found.accepted, strict=True)]


@pytest.fixture
def store(tmp_path: Path) -> ConsentStore:
    return ConsentStore(Durable(tmp_path / "enclave.sqlite"))


@pytest.mark.parametrize("size", [7, 9000])
def test_slots_are_found_wherever_their_consent_stands(store: ConsentStore, size: int) -> None:
    dice = random.Random(size)
    table = {}
    for number in range(3):
        rows = [
            (dice.randbytes(16), dice.randbytes(16), NOW + dice.choice((-1, 0, 1, 9)), dice.randbytes(32))
            for _ in range(size)
        ]
        add(store, str(number), batch(count=size), rows)
        table |= {row[0]: row for row in rows}
    ids = [*table, *(dice.randbytes(16) for _ in range(size))]
    dice.shuffle(ids)
    gone = {row[3] for row in table.values() if dice.random() < 0.2}
    mailed, logged = list(gone)[::2], list(gone)[1::2]
    store.withdraw([c.hex() for c in mailed], service="consents")
    expected = [
        table[i][1] if i in table and table[i][2] > NOW and table[i][3] not in gone else None for i in ids
    ]
    assert accepted(store, ids, withdrawn=tuple(c.hex() for c in logged)) == expected
    assert 0 < sum(pid is not None for pid in expected) < len(ids)


def test_only_the_jobs_scenario_recipient_and_service_count(store: ConsentStore) -> None:
    rows = {
        name: (name.encode().ljust(16), b"p" + name.encode().ljust(15), NOW + 9, bytes(32)) for name in "abcd"
    }
    add(store, "1", batch(), [rows["a"]])
    add(store, "2", batch(scenario="b"), [rows["b"]])
    add(store, "3", batch(recipient="other"), [rows["c"]])
    add(store, "4", batch(service="stranger"), [rows["d"]])
    ids = [row[0] for row in rows.values()]
    assert accepted(store, ids) == [rows["a"][1], None, None, None]
    assert accepted(store, ids, recipient=None) == [rows["a"][1], None, rows["c"][1], None]


def test_another_service_cannot_withdraw_by_message(store: ConsentStore) -> None:
    row = (bytes(16), b"p" * 16, NOW + 9, b"c" * 32)
    add(store, "1", batch(), [row])
    store.withdraw([row[3].hex()], service="stranger")
    assert accepted(store, [row[0]]) == [row[1]]


def test_an_id_that_agrees_in_its_first_half_only_is_not_accepted(store: ConsentStore) -> None:
    row = (b"k" * 16, b"p" * 16, NOW + 9, bytes(32))
    add(store, "1", batch(), [row])
    assert accepted(store, [b"k" * 8 + b"x" * 8, row[0]]) == [None, row[1]]


def test_a_person_under_two_consents_has_one_slot(store: ConsentStore) -> None:
    first = (b"1" * 16, b"p" * 16, NOW + 9, bytes(32))
    second = (b"2" * 16, b"p" * 16, NOW + 9, bytes(32))
    add(store, "1", batch(), [first])
    add(store, "2", batch(), [second])
    assert accepted(store, [second[0], first[0], second[0]]) == [b"p" * 16, None, None]


def test_the_same_batch_again_changes_nothing(store: ConsentStore) -> None:
    row = (bytes(16), b"p" * 16, NOW + 9, bytes(32))
    add(store, "1", batch(), [row])
    add(store, "1", batch(), [(bytes(16), b"q" * 16, NOW + 9, bytes(32))])
    assert accepted(store, [row[0]]) == [row[1]]


def test_first_of_each_agrees_with_a_set() -> None:
    dice = random.Random(5)
    pids = words(b"".join(dice.choice([b"a", b"b", b"c", b"d"]) * 16 for _ in range(200)))
    wanted = np.array([dice.random() < 0.7 for _ in range(200)])
    seen: set[bytes] = set()
    expected = []
    for pid, want in zip(pids, wanted, strict=True):
        expected.append(bool(want) and pid.tobytes() not in seen)
        if want:
            seen.add(pid.tobytes())
    assert first_of_each(pids, wanted).tolist() == expected
