"""The gate as a process: start checks, then its mailbox. The checks are an enclave's (see `enclaves.agent.serving`)."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from enclaves.agent.opening import unix_time
from enclaves.gate.gate import Gate
from enclaves.gate.he_keys import HeKeys
from enclaves.gate.house import House
from enclaves.gate.openings import Openings
from enclaves.gate.paillier_keys import PaillierKeys
from enclaves.gate.shelf import Shelf
from enclaves.gate.stages import TRANSITIONS
from enclaves.run.durable import Durable
from enclaves.run.errors import ProcessRefused
from enclaves.run.process import (
    Mailbox,
    ProcessConfig,
    RunLane,
    check_protected,
    stop_on_signal,
    wait_for_log,
)
from enclaves.run.sessions import Sessions
from enclaves.run.wire import Wire
from enclaves.transport.party import PartyKeys
from enclaves.witness.memory import WitnessMemory
from enclaves.witness.witness import Witness
from policies.documents.trust import Role, TrustRoot

_LOG: Final = logging.getLogger("domicile.gate")
STATE_FILE: Final = "gate.sqlite"
WITNESS_FILE: Final = "witness.sqlite"


def open_house(
    config: ProcessConfig,
    keys: PartyKeys,
    *,
    trust: TrustRoot,
    wire: Wire,
    durable: Durable,
    clock: Callable[[], int] = unix_time,
) -> House:
    """The house of the gate. Raises ProcessRefused for keys or ids that do not fit."""
    entry = trust.sole(Role.GATE)
    if entry.id != config.party:
        raise ProcessRefused(f"expected the gate `{entry.id}`, got `{config.party}`")
    if keys.sealing is None or entry.sealing_key != base64.b64encode(keys.sealing.public.raw).decode():
        raise ProcessRefused("expected the sealing key that the trust root pins, got another")
    state = config.home / "state"
    return House(
        party=config.party,
        trust=trust,
        identity=keys.identity,
        sealing=keys.sealing,
        wire=wire,
        witness=Witness(
            WitnessMemory(state / WITNESS_FILE),
            wire,
            trust=trust,
            pin=config.pin,
            party=config.party,
            key=keys.identity,
            clock=clock,
        ),
        sessions=Sessions(durable, TRANSITIONS),
        shelf=Shelf(durable, state / "sealed"),
        openings=Openings(durable),
        he_keys=HeKeys(config.party, keys.identity),
        paillier_keys=PaillierKeys(durable, config.party, identity=keys.identity, sealing=keys.sealing),
        clock=clock,
    )


def serve(path: Path) -> None:
    """Run the gate of the settings file `path` until a signal. Raises EnclaveError, PolicyError before it starts."""
    config = ProcessConfig.load(path)
    check_protected()
    trust, keys = config.trust(), PartyKeys.load(config.keys)
    with config.endpoint(keys) as wire:
        durable = Durable(config.home / "state" / STATE_FILE)
        house = open_house(config, keys, trust=trust, wire=wire, durable=durable)
        gate = Gate(house, RunLane())
        mailbox = Mailbox(wire, durable, gate.take)
        stop_on_signal(mailbox.stop)
        wait_for_log(house.witness, mailbox)
        gate.start()
        _LOG.info("%s runs", config.party)
        mailbox.follow()
        durable.close()
