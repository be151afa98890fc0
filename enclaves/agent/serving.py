"""The enclave as a process: start checks, then its mailbox.

It refuses to start without isolation, with another trust root than the pinned one, with keys that are not pinned, or with
a log that has less than it has seen (attack A7).
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from enclaves.agent.agent import Agent
from enclaves.agent.opening import STATE_FILE, EnclaveConfig, open_house
from enclaves.run.durable import Durable
from enclaves.run.process import Mailbox, RunLane, check_protected, stop_on_signal, wait_for_log
from enclaves.transport.party import PartyKeys

_LOG: Final = logging.getLogger("domicile.enclave")


def serve(path: Path) -> None:
    """Run the enclave of the settings file `path` until a signal. Raises EnclaveError, PolicyError before it starts."""
    config = EnclaveConfig.load(path)
    check_protected()
    trust, keys = config.trust(), PartyKeys.load(config.keys)
    with config.endpoint(keys) as wire:
        durable = Durable(config.home / "state" / STATE_FILE)
        house = open_house(config, keys, trust=trust, wire=wire, durable=durable)
        agent = Agent(house, RunLane())
        mailbox = Mailbox(wire, durable, agent.take)
        stop_on_signal(mailbox.stop)
        wait_for_log(house.witness, mailbox)
        agent.start()
        house.workers.keep()
        _LOG.info("%s runs: an isolated process, not a hardware TEE", config.party)
        mailbox.follow()
        house.workers.close()
        durable.close()
