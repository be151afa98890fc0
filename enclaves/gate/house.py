"""All that belongs to the gate while it runs. It has no rows, and no key of any domain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from enclaves.gate.he_keys import HeKeys
from enclaves.gate.openings import Openings
from enclaves.gate.paillier_keys import PaillierKeys
from enclaves.gate.shelf import Shelf
from enclaves.protocols.sealing import SealingKey
from enclaves.run.sessions import Sessions
from enclaves.run.wire import Wire
from enclaves.witness.witness import Witness
from policies.documents.trust import TrustRoot


@dataclass(frozen=True, slots=True)
class House:
    """The gate's belongings."""

    party: str
    trust: TrustRoot
    identity: Ed25519PrivateKey = field(repr=False)
    sealing: SealingKey = field(repr=False)
    wire: Wire
    witness: Witness
    sessions: Sessions
    shelf: Shelf
    openings: Openings
    he_keys: HeKeys
    paillier_keys: PaillierKeys
    clock: Callable[[], int]

    def now(self) -> datetime:
        """The present moment, aware."""
        return datetime.fromtimestamp(self.clock(), UTC)
