"""What a coordinator process holds: the pinned trust root, its keys, its state, its log.

Opening refuses to serve anything but the district the operator was given out of band:

1. The trust root's digest is the pin and its signatures hold (`policies.authorization.check_trust_root`).
2. The identity key is the one the trust root names for this party, and the log key the one it names for the log.
3. The stored log is the one that was signed and cosigned (`sandbox.log.recovery`); a new log begins with the trust root.

What is suspended or withdrawn is the replay of the own log, kept in memory and moved on after each commit.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, MetaData, func, select

from policies.authorization import check_trust_root
from policies.documents import envelope as dsse
from policies.documents.envelope import Envelope
from policies.documents.trust import PartyEntry, Role, TrustRoot
from policies.halts import Halts
from policies.keys import IdentityKey, public_key
from policies.log.entry import Entry, EntryType, instant
from policies.log.note import Note, TreeHead, check_cosignature, check_signature
from sandbox.log.evidence import EvidenceLog
from sandbox.log.recovery import check_on_start
from sandbox.mailboxes.bell import Bell
from sandbox.settings import CoordinatorKeys, Settings, SettingsInvalid
from sandbox.store.database import Database
from sandbox.store.files import Files
from sandbox.store.tables import METADATA

_CHUNK: Final = 4096
_HALTING: Final = frozenset(
    {EntryType.SUSPENSION, EntryType.REVOCATION, EntryType.WITHDRAWAL, EntryType.DOCUMENT}
)


@dataclass(slots=True)
class District:
    """One coordinator's view of its district. `clock` gives Unix seconds."""

    settings: Settings
    trust: TrustRoot
    trust_envelope: Envelope
    keys: CoordinatorKeys
    database: Database
    log: EvidenceLog
    attachments: Files
    trees: Files
    clock: Callable[[], float]
    bell: Bell = field(default_factory=Bell)
    halts: Halts = field(default_factory=Halts)
    halts_version: int = 0
    dockets: dict[str, object] = field(default_factory=dict)
    """Completely signed documents by authorization (`sandbox.jobs.docket`)."""
    permitted: dict[object, int] = field(default_factory=dict)
    """Deliveries found permitted, and in which second (`sandbox.scores.fetching`)."""
    read_to: dict[str, int] = field(default_factory=dict)
    """How far each party says it has read its mailbox; written down by the clock."""
    parties: dict[str, PartyEntry] = field(default_factory=dict)
    by_keyid: dict[str, PartyEntry] = field(default_factory=dict)
    identity_keys: dict[str, IdentityKey] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for party in self.trust.parties:
            key = party.key
            self.parties[party.id] = party
            self.by_keyid[key.keyid] = party
            self.identity_keys[key.keyid] = key

    @property
    def me(self) -> str:
        """The coordinator's party id."""
        return self.settings.party

    @property
    def now(self) -> float:
        return self.clock()

    @property
    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.clock(), UTC)

    def party(self, party_id: str) -> PartyEntry | None:
        return self.parties.get(party_id)

    def apply(self, entries: list[Entry]) -> None:
        """Move what is halted on by `entries`, in log order."""
        # A delivery halts nothing, and most entries are deliveries: they must not copy the sets.
        halting = [entry for entry in entries if entry.type in _HALTING]
        if halting:
            self.halts = self.halts.replay(halting)
            self.halts_version += 1


def open_district(settings: Settings, *, clock: Callable[[], float] = time.time) -> District:
    """Check trust root, keys and log as the module says, and open the state."""
    envelope = dsse.parse(_read(settings.trust_root))
    trust = check_trust_root(envelope, settings.pin)
    keys = CoordinatorKeys.load(settings.key_file)
    _check_keys(settings, trust, keys)
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    log_metadata = MetaData()
    log = EvidenceLog(
        log_metadata,
        origin=trust.log.origin,
        log_key=public_key(keys.log).raw,
        witness_keys={p.id: p.key.raw for p in trust.parties if p.id in trust.witnesses},
    )
    district = District(
        settings=settings,
        trust=trust,
        trust_envelope=envelope,
        keys=keys,
        database=Database(settings.state_dir / "coordinator.db", METADATA, log_metadata),
        log=log,
        attachments=Files(settings.state_dir / "attachments"),
        trees=Files(settings.state_dir / "trees"),
        clock=clock,
    )
    _begin_or_check_log(district)
    return district


def _begin_or_check_log(district: District) -> None:
    with district.database.write() as transaction:
        connection, log = transaction.connection, district.log
        if log.size(connection) == 0:
            entry = Entry(
                type=EntryType.TRUST_ROOT,
                at=instant(int(district.now)),
                actor=district.me,
                digests={"trust-root": district.settings.pin},
            )
            log.append(connection, [entry])
            log.checkpoint(connection, key=district.keys.log, now=int(district.now))
        check_on_start(log, connection, witnessed=_witnessed(district, connection))
        first = Entry.parse(log.entries(connection, 0, 1)[0])
        if first.digests.get("trust-root") != district.settings.pin:
            raise SettingsInvalid("expected a log that begins with the pinned trust root, got another")
        _replay(district, connection)


def _witnessed(district: District, connection: Connection) -> list[TreeHead]:
    """The newest head each witness is known to have cosigned, each cosignature verified."""
    log = district.log
    cosignature, checkpoint = log.tables.cosignature, log.tables.checkpoint
    newest = select(cosignature.c.witness, func.max(cosignature.c.size).label("size")).group_by(
        cosignature.c.witness
    )
    heads = []
    for witness, size in connection.execute(newest):
        line = connection.execute(
            select(cosignature.c.line).where(cosignature.c.witness == witness, cosignature.c.size == size)
        ).scalar_one()
        text = connection.execute(select(checkpoint.c.note).where(checkpoint.c.size == size)).scalar_one()
        note = Note.parse(text)
        party = district.party(witness)
        if party is None:
            continue
        parsed = next(s for s in Note.parse(text + line).signatures if s.name == witness)
        check_cosignature(parsed, note.body, witness_key=party.key.raw)
        heads.append(check_signature(note, origin=log.origin, log_key=log.log_key))
    return heads


def _replay(district: District, connection: Connection) -> None:
    size = district.log.size(connection)
    for start in range(0, size, _CHUNK):
        page = district.log.entries(connection, start, min(start + _CHUNK, size))
        district.apply([Entry.parse(data) for data in page])


def _check_keys(settings: Settings, trust: TrustRoot, keys: CoordinatorKeys) -> None:
    party = trust.party(settings.party)
    if party is None or party.role is not Role.COORDINATOR:
        raise SettingsInvalid(f"expected the coordinator of the trust root, got `{settings.party}`")
    if party.key != public_key(keys.identity):
        raise SettingsInvalid("expected the coordinator's identity key of the trust root, got another")
    if trust.log.key != public_key(keys.log).to_base64():
        raise SettingsInvalid("expected the log key of the trust root, got another")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsInvalid(f"expected a readable trust root, got {type(error).__name__}") from None
