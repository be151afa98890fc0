"""Parties of one session at a given stage, for tests of single stages."""

from __future__ import annotations

import hashlib
import random

import numpy as np
import pytest

from enclaves.protocols import ring
from enclaves.protocols.recovery.bundles import Bundle
from enclaves.protocols.recovery.dealing import Dealing
from enclaves.protocols.recovery.errors import Reason, RecoveryRefused
from enclaves.protocols.recovery.party import Means, Party
from enclaves.protocols.recovery.session import Session
from enclaves.protocols.recovery.stages import PARTY_STAGES, StageStore
from tests.enclaves.protocols.recovery.simulator import Table, boot_key, names, seal_to_gate, signing_key

SID = hashlib.sha256(b"plan").digest()


def session(parties: int = 4, *, sid: bytes = SID, slots: int = 3, bound: int = 1000) -> Session:
    return Session(sid, names(parties), slots, bound)


def seat(name: str, given: Session, *, draw: int = 1, table: StageStore | None = None) -> Party:
    if table is None:
        table = Table(PARTY_STAGES)
        table.begin(given.sid)
    means = Means(random.Random(f"{draw} {name}").randbytes, signing_key(name).sign, seal_to_gate, table)
    return Party(name, given, keys={n: boot_key(n) for n in given.roster}, means=means)


def ready(given: Session, *, draw: int = 1) -> tuple[dict[str, Party], list[Bundle], list[Dealing]]:
    """All parties at the end of R2."""
    parties = {name: seat(name, given, draw=draw) for name in given.roster}
    published = [party.publish() for party in parties.values()]
    dealings = [party.deal(published) for party in parties.values()]
    for name, party in parties.items():
        party.accept(
            [d.transcript for d in dealings], {d.party: d.sealed[name] for d in dealings if d.party != name}
        )
    return parties, published, dealings


def vector(*values: int) -> ring.Encoded:
    return ring.encode(np.array(values, dtype=np.int64))


def refused(reason: Reason, act: object, *arguments: object) -> None:
    with pytest.raises(RecoveryRefused) as caught:
        act(*arguments)  # type: ignore[operator]  # a method
    assert caught.value.reason is reason
