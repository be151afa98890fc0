"""All that belongs to one enclave while it runs: who it is, what it holds, whom it asks for the time.

Keys of a run live in `live` and in memory only; what must outlast a crash is in the stores, each in the durable file.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.store import DomainStore
from enclaves.agent.answered import Answered
from enclaves.agent.budget import PrivacyLedger
from enclaves.agent.capacity import CapacityLedger
from enclaves.agent.cohorts import Cohorts
from enclaves.agent.committed import Commitments
from enclaves.agent.consents import ConsentStore
from enclaves.agent.execution import Execution
from enclaves.agent.lineages import Lineages
from enclaves.agent.parts import PartStore
from enclaves.agent.proven import ProvenKeys
from enclaves.agent.workers import ScoreWorkers
from enclaves.protocols.sealing import SealingKey
from enclaves.run.boot import BootKey
from enclaves.run.durable import Durable
from enclaves.run.sessions import Sessions
from enclaves.run.wire import Wire
from enclaves.witness.witness import Witness
from policies.documents.envelope import Envelope
from policies.documents.trust import TrustRoot


@dataclass(frozen=True, slots=True)
class House:
    """One enclave's belongings."""

    party: str
    department: str
    trust: TrustRoot
    identity: Ed25519PrivateKey = field(repr=False)
    sealing: SealingKey = field(repr=False)
    boot: BootKey
    wire: Wire
    witness: Witness
    store: DomainStore
    datasets: Callable[[], tuple[Envelope, ...]]
    """The signed data set documents of what the store holds now."""
    sessions: Sessions
    consents: ConsentStore
    ledger: CapacityLedger
    cohorts: Cohorts
    parts: PartStore
    proven: ProvenKeys
    lineages: Lineages
    answered: Answered
    commitments: Commitments
    privacy: PrivacyLedger
    durable: Durable
    """The one file all of the above that must outlast a crash is in; for what becomes durable together."""
    clock: Callable[[], int]
    workers: ScoreWorkers = field(default_factory=ScoreWorkers)
    """Where score orders run; by default without any worker that waits."""
    sleep: Callable[[float], None] = time.sleep
    """How an answer waits for its whole second (attack A13)."""
    execution: Execution | None = None
    """How heavy jobs fan out; None: one worker over the undivided store."""

    def now(self) -> datetime:
        """The present moment, aware."""
        return datetime.fromtimestamp(self.clock(), UTC)
