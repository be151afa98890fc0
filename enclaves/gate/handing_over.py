"""The last step: what was sealed leaves when the outcome stands in a checkpoint that a quorum cosigned (docs/protocol.md 4.6).

The `outcome` entry must name this job, this run and the very release that was signed here; the inclusion is proven under a
fresh head that the gate's own replay confirms. A table whose release asks for review leaves only with two approvals of two
organizations, which the gate verifies for itself. Handing over again after a crash gives the same bytes.
"""

from __future__ import annotations

from enclaves.gate.house import House
from enclaves.gate.stages import Stage
from enclaves.run.errors import RunRefused
from enclaves.run.evidence import names
from policies.documents import envelope as dsse
from policies.documents import strict_json
from policies.documents.envelope import Envelope
from policies.documents.job import TableRelease
from policies.log.entry import EntryType
from policies.reviewing import check_reviewed


def hand_over(house: House, run: str) -> None:
    """Verify outcome and reviews as the coordinator named them, and hand over. Raises RunRefused, WitnessError, PolicyError."""
    sid = bytes.fromhex(run)
    session, named = house.sessions.find(sid), house.shelf.outcome(sid)
    if session is None or session.stage != Stage.RELEASED or named is None:
        raise RunRefused("run_out_of_order", "expected the outcome of a released run, got another")
    index, reviews = named
    release = house.shelf.release(sid)
    seen = house.witness.see(index)
    if not names(seen, EntryType.OUTCOME, {"job": session.job, "run": run, "release": release.digest}):
        raise RunRefused("outcome_mismatch", "expected the outcome of this release in the log, got another")
    if release.kind == TableRelease.kind:
        _check_reviews(house, release, reviews)
    slots = house.shelf.slots(sid)
    attachments = () if slots is None else (house.wire.enclose(slots, audience=("coordinator",)),)
    house.wire.send("coordinator", "handover", {"release": release.digest}, run=run, attachments=attachments)
    house.sessions.move(sid, Stage.HANDED_OVER)
    house.shelf.clear(sid)


def _check_reviews(house: House, release: Envelope, reviews: bytes) -> None:
    table = TableRelease.read(release)
    if not table.review:
        return
    found = strict_json.parse(reviews, max_bytes=1 << 20)
    envelopes = [dsse.from_json(item) for item in found] if isinstance(found, list) else []
    check_reviewed(table, envelopes, house.trust, revoked_keys=house.witness.halts.revoked_keys)
    house.shelf.note_reviewed(table.authorization)
