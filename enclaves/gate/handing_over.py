"""The last step: slots leave only when the outcome stands in a checkpoint that a quorum cosigned (docs/protocol.md 4.6).

The `outcome` entry must name this job, this run and the very release that was signed here; the inclusion is proven under a
fresh head that the gate's own replay confirms. Handing over again after a crash gives the same bytes.
"""

from __future__ import annotations

from enclaves.gate.house import House
from enclaves.gate.stages import Stage
from enclaves.run.errors import RunRefused
from enclaves.run.evidence import names
from policies.log.entry import EntryType


def hand_over(house: House, run: str, index: int) -> None:
    """Verify that the outcome stands at `index` and hand the slots over. Raises RunRefused, WitnessError, TransportError."""
    sid = bytes.fromhex(run)
    session = house.sessions.find(sid)
    if session is None or session.stage != Stage.RELEASED:
        raise RunRefused("run_out_of_order", "expected the outcome of a released run, got another")
    release = house.shelf.release(sid)
    seen = house.witness.see(index)
    if not names(seen, EntryType.OUTCOME, {"job": session.job, "run": run, "release": release.digest}):
        raise RunRefused("outcome_mismatch", "expected the outcome of this release in the log, got another")
    slots = house.shelf.slots(sid)
    attachments = () if slots is None else (house.wire.put_attachment(slots, audience=("coordinator",)),)
    house.wire.send("coordinator", "handover", {"release": release.digest}, run=run, attachments=attachments)
    house.sessions.move(sid, Stage.HANDED_OVER)
    house.shelf.clear(sid)
