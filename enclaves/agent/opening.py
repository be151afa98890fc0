"""Opens an enclave: reads its settings and keys, checks what must hold before it may start, and puts the house together."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Callable
from pathlib import Path

from connectors.catalog import Catalog
from connectors.partitioning import Partitions
from connectors.store import DomainStore
from enclaves.agent.answered import Answered
from enclaves.agent.budget import PrivacyLedger
from enclaves.agent.capacity import CapacityLedger
from enclaves.agent.cohorts import Cohorts
from enclaves.agent.committed import Commitments
from enclaves.agent.consents import ConsentStore
from enclaves.agent.execution import Execution, ExecutionTable, check_executor, check_stored
from enclaves.agent.house import House
from enclaves.agent.lineages import Lineages
from enclaves.agent.parts import PartStore
from enclaves.agent.proven import ProvenKeys
from enclaves.agent.stages import TRANSITIONS
from enclaves.agent.workers import ScoreWorkers, pool_of
from enclaves.cli.home import Home
from enclaves.run.boot import BootKey
from enclaves.run.durable import Durable
from enclaves.run.errors import ProcessRefused
from enclaves.run.process import ProcessConfig
from enclaves.run.sessions import Sessions
from enclaves.run.wire import Wire
from enclaves.transport.channel import now_utc
from enclaves.transport.party import PartyKeys
from enclaves.witness.memory import WitnessMemory
from enclaves.witness.witness import Witness
from policies.documents.envelope import Envelope
from policies.documents.fields import Party
from policies.documents.trust import TrustRoot

STATE_FILE = "enclave.sqlite"
WITNESS_FILE = "witness.sqlite"


class EnclaveConfig(ProcessConfig):
    """`enclave.toml`."""

    department: Party
    execution: ExecutionTable = ExecutionTable()


def unix_time() -> int:
    """The system clock in whole seconds."""
    return int(time.time())


def open_house(
    config: EnclaveConfig,
    keys: PartyKeys,
    *,
    trust: TrustRoot,
    wire: Wire,
    durable: Durable,
    clock: Callable[[], int] = unix_time,
) -> House:
    """The house of the enclave that `config` names. Raises ProcessRefused for keys or ids that do not fit."""
    entry = trust.enclave_of(config.department)
    if entry is None or entry.id != config.party:
        raise ProcessRefused(f"expected the enclave of `{config.department}`, got `{config.party}`")
    if keys.sealing is None or entry.sealing_key != base64.b64encode(keys.sealing.public.raw).decode():
        raise ProcessRefused("expected the sealing key that the trust root pins, got another")
    domain = Home(config.home)
    secrets = domain.keys()
    store = DomainStore(domain.store, store_key=secrets.store_key, pid_key=secrets.pid_key)
    datasets = Catalog(domain.catalog).datasets()
    check_executor(config.execution.setting(), os.environ)
    check_stored(Partitions(store, domain.partitions), datasets, wanted=config.execution.partitions)
    memory = WitnessMemory(config.home / "state" / WITNESS_FILE)
    held = [dataset.id for dataset in datasets if dataset.personal]
    prestarted = config.execution.prestarted
    # Without any, small jobs go the way of large ones.
    pool = pool_of(store, held, size=prestarted) if prestarted else None
    return House(
        party=config.party,
        department=config.department,
        trust=trust,
        identity=keys.identity,
        sealing=keys.sealing,
        boot=BootKey.draw(config.party, keys.identity, now=now_utc()),
        wire=wire,
        witness=Witness(
            memory,
            wire,
            trust=trust,
            pin=config.pin,
            party=config.party,
            key=keys.identity,
            clock=clock,
        ),
        store=store,
        datasets=lambda: declared(domain.catalog),
        sessions=Sessions(durable, TRANSITIONS),
        consents=ConsentStore(durable),
        ledger=CapacityLedger(durable),
        cohorts=Cohorts(durable),
        parts=PartStore(durable, department=config.department, enclave=config.party, key=keys.sealing),
        proven=ProvenKeys(durable),
        lineages=Lineages(durable, store.ledger_key("lineage")),
        answered=Answered(durable),
        commitments=Commitments(durable, keys.sealing),
        privacy=PrivacyLedger(durable, store.ledger_key("privacy")),
        durable=durable,
        workers=ScoreWorkers(pool),
        clock=clock,
        execution=Execution.of(config.execution, store, domain.partitions),
    )


def declared(catalog: Path) -> tuple[Envelope, ...]:
    """The signed declarations of all registered data sets, as they are now."""
    held = Catalog(catalog)
    return tuple(held.envelope(dataset.id) for dataset in held.datasets())
