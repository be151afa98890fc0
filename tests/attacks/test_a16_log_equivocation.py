"""Attack A16: the operator deletes from, rewrites or forks the log it keeps.

The operator of these tests is malicious and holds everything the operator holds: the database and the log's signing
key. The naive log is what many systems call an audit log: a table, and a signature of the operator over its content.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from policies.log.entry import Entry
from policies.log.errors import LogForked, LogInvalid
from policies.log.merkle import leaf_hash, root
from policies.log.note import TreeHead, check_checkpoint, join, sign
from sandbox.log.errors import LogUnknown
from sandbox.log.verify import ExportRefused, verify_export
from tests.sandbox.log.district import (
    FIRST,
    LOG_KEY,
    ORIGIN,
    PIN,
    QUORUM,
    TRUST_ROOT,
    WITNESS_KEYS,
    District,
    Witness,
    entry,
    public,
)

HONEST = [FIRST, *(entry(index) for index in range(1, 6))]
FORGERIES: dict[str, Callable[[list[Entry]], list[Entry]]] = {
    "deleted": lambda entries: [*entries[:3], *entries[4:]],
    "truncated": lambda entries: entries[:4],
    "rewritten": lambda entries: [*entries[:3], entry(3, actor="partner"), *entries[4:]],
    "inserted": lambda entries: [*entries[:3], entry(33), *entries[3:]],
    "reordered": lambda entries: [*entries[:3], entries[4], entries[3], *entries[5:]],
    "deleted and grown": lambda entries: [*entries[:3], *entries[4:], entry(6), entry(7)],
}


@dataclass
class NaiveLog:
    """A table the operator can rewrite, and its signature over whatever the table holds now."""

    rows: list[Entry] = field(default_factory=list)

    def export(self) -> tuple[list[bytes], bytes]:
        content = [row.to_bytes() for row in self.rows]
        return content, LOG_KEY.sign(b"\n".join(content))

    @staticmethod
    def check(content: list[bytes], signature: bytes) -> None:
        LOG_KEY.public_key().verify(signature, b"\n".join(content))


def forged_note(entries: list[Entry]) -> str:
    """The malicious operator signs any history with the real log key."""
    leaves = [leaf_hash(item.to_bytes()) for item in entries]
    return sign(TreeHead(ORIGIN, len(leaves), root(leaves)), LOG_KEY)


def test_the_naive_log_accepts_every_forged_history() -> None:
    log = NaiveLog(list(HONEST))
    NaiveLog.check(*log.export())
    for forge in FORGERIES.values():
        log.rows = forge(list(HONEST))
        assert log.rows != HONEST
        # The auditor's check passes: nothing outside the operator remembers.
        NaiveLog.check(*log.export())


@pytest.mark.parametrize("name", FORGERIES)
def test_no_witness_cosigns_a_forged_history(name: str) -> None:
    forged = FORGERIES[name](list(HONEST))
    honest_note, entries = forged_note(HONEST), [item.to_bytes() for item in HONEST]
    for party in WITNESS_KEYS:
        witness = Witness(party)
        witness.cosign(honest_note, entries, at=100)
        remembered = witness.state
        suffix = [item.to_bytes() for item in forged[remembered.size :]]
        with pytest.raises(LogForked):
            witness.cosign(forged_note(forged), suffix, at=200)
        assert witness.state == remembered


@pytest.mark.parametrize("name", FORGERIES)
def test_the_verifier_refuses_a_forged_export(name: str, tmp_path: Path) -> None:
    honest = District(tmp_path / "honest.db")
    honest.append(*HONEST)
    honest.cosign()
    with honest.engine.begin() as connection:
        cosigned = honest.log.cosigned(connection, 0, QUORUM)
    verify_export(honest.export(tmp_path / "honest.jsonl"), TRUST_ROOT, PIN)
    honest.close()
    assert cosigned is not None

    header, _, _ = (tmp_path / "honest.jsonl").read_bytes().partition(b"\n")
    forged = FORGERIES[name](list(HONEST))
    lines = [item.to_bytes() for item in forged]
    old_lines = [line + "\n" for line in cosigned.partition("\n\n")[2].splitlines()[1:]]
    notes = {
        "the honest note": cosigned,
        "a new note without witnesses": forged_note(forged),
        "a new note with the old cosignatures": join(forged_note(forged), old_lines),
    }
    for note in notes.values():
        head = header.replace(b'"size":6', b'"size":%d' % len(forged))
        checkpoint = ('{"checkpoint":"' + note.replace("\n", "\\n") + '"}').encode()
        path = tmp_path / "forged.jsonl"
        path.write_bytes(b"\n".join([head, *lines, checkpoint]) + b"\n")
        with pytest.raises(ExportRefused):
            verify_export(path, TRUST_ROOT, PIN)


def test_of_two_views_at_most_one_gets_a_quorum() -> None:
    """Split view: half of the witnesses see one history, half another, both signed by the real log key."""
    keys = {name: public(private) for name, private in WITNESS_KEYS.items()}
    views = {"left": HONEST, "right": FORGERIES["rewritten"](list(HONEST))}
    for split in range(len(WITNESS_KEYS) + 1):
        accepted = 0
        for view, parties in (("left", list(keys)[:split]), ("right", list(keys)[split:])):
            note, entries = forged_note(views[view]), [item.to_bytes() for item in views[view]]
            lines = [Witness(party).cosign(note, entries, at=100) for party in parties]
            try:
                check_checkpoint(
                    join(note, lines),
                    origin=ORIGIN,
                    log_key=public(LOG_KEY),
                    witness_keys=keys,
                    quorum=QUORUM,
                )
                accepted += 1
            except LogInvalid:
                assert len(parties) < QUORUM
        assert accepted <= 1


def test_a_witness_that_saw_one_view_does_not_cross_to_the_other() -> None:
    left, right = HONEST, FORGERIES["rewritten"](list(HONEST))
    witness = Witness("gate")
    witness.cosign(forged_note(left), [item.to_bytes() for item in left], at=100)
    for size in range(len(left), len(left) + 3):
        grown = [*right, *(entry(index) for index in range(6, size))]
        with pytest.raises(LogForked):
            witness.cosign(forged_note(grown), [item.to_bytes() for item in grown[len(left) :]], at=200)


def test_rewriting_the_database_file_yields_no_cosigned_history(tmp_path: Path) -> None:
    """The operator edits the live database with plain SQL, repairs every hash and tries to go on."""
    district = District(tmp_path / "coordinator.db")
    district.append(*HONEST)
    district.cosign()
    forged = FORGERIES["rewritten"](list(HONEST))
    # All four tables are emptied and rebuilt over the forged history, as if it had always been so.
    raw = sqlite3.connect(district.path)
    for table in ("log_leaf", "log_node", "log_checkpoint", "log_cosignature"):
        raw.execute(f"DELETE FROM {table}")
    raw.commit()
    raw.close()
    district.append(*forged, entry(6))

    with pytest.raises(LogForked):
        district.cosign(at=1_790_000_100)
    with pytest.raises(LogUnknown, match="cosigned by 3 witnesses, got none"):
        district.export(tmp_path / "forged.jsonl")
    district.close()
