"""The sum of a run that recovers: over the survivors, out of everything that the coordinator relays of the run (R6).

Order: documents are verified before what is in them is read; then the room verifies every statement of its own, puts secrets
together, has the opening noted durably, and adds (`enclaves.protocols.recovery.gate`). Shares that were sealed to this gate
are opened here alone. All vectors of a run are held at once: one signature stands over all words of a party.

What must be complete for which kind of job: a table may be of the survivors, a score or a vet job is of all or of none.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from enclaves.gate.house import House
from enclaves.gate.openings import Opening
from enclaves.protocols import ring
from enclaves.protocols.recovery import inputs
from enclaves.protocols.recovery.gate import Evidence, open_sum
from enclaves.protocols.recovery.unmasking import Answer
from enclaves.protocols.ring import Masked, Total
from enclaves.protocols.sealing import open_sealed
from enclaves.run import recovery
from enclaves.run.errors import RunRefused
from enclaves.run.exchange import Voice, check_agreements, voice_of
from enclaves.run.mail import Body, envelopes
from enclaves.run.papers import Papers
from enclaves.worker.order import chunks
from policies.documents.authorization import JobKind
from policies.documents.job import Plan
from policies.documents.run import Contribution, Transcript
from policies.documents.survivors import Agreement, Unmasking


@dataclass(frozen=True, slots=True)
class Relayed:
    """What else was said in a run that recovers: documents whose signatures, run and T1 hold."""

    voices: tuple[Voice, ...]
    transcripts: tuple[Transcript, ...]
    survivors: tuple[str, ...]
    agreements: tuple[Agreement, ...]
    unmaskings: tuple[Unmasking, ...]


def read_relayed(
    body: Body,
    voices: tuple[Voice, ...],
    *,
    plan: Plan,
    transcripts: tuple[Transcript, ...],
    transcript: str,
) -> Relayed:
    """Agreements and unmaskings of `body`, verified. Raises RunRefused, PolicyError."""
    agreements = check_agreements(envelopes(body, "agreements"), voices, plan=plan, transcript=transcript)
    sets = {agreement.survivors for agreement in agreements}
    if len(sets) != 1:
        raise RunRefused("survivors_differ", f"expected one set of survivors, got {len(sets)}")
    (survivors,) = sets
    if plan.job_kind is not JobKind.AGGREGATE and len(survivors) != len(plan.roster):
        raise RunRefused("survivors_incomplete", "expected every domain in a job about persons, got fewer")
    unmaskings = []
    for item in envelopes(body, "unmaskings"):
        unmasking = Unmasking.read(item)
        voice_of(unmasking, voices, plan=plan, transcript=transcript).check_signed(item)
        if unmasking.survivors != survivors:
            raise RunRefused("survivors_differ", "expected shares for the agreed survivors, got others")
        unmaskings.append(unmasking)
    return Relayed(voices, transcripts, survivors, agreements, tuple(unmaskings))


def open_over_survivors(
    house: House, papers: Papers, relayed: Relayed, contributions: Sequence[Contribution]
) -> Total:
    """All words of the sum. Raises RecoveryRefused, RunRefused, ProtocolError, TransportError."""
    session = recovery.session_of(papers)
    evidence = Evidence(
        bundles=[recovery.bundle_of(voice) for voice in relayed.voices],
        transcripts=[recovery.dealing_of(said).transcript for said in relayed.transcripts],
        contributions=[_contribution(house, papers.plan, sent) for sent in contributions],
        survivors=relayed.survivors,
        agreements=[recovery.agreement_of(agreement) for agreement in relayed.agreements],
        answers=[_answer(house, session.sid, unmasking) for unmasking in relayed.unmaskings],
    )
    opened = open_sum(
        session,
        evidence,
        keys=recovery.keys_of(relayed.voices),
        open_sealed=lambda sealed, info: open_sealed(house.sealing, sealed, info=info),
        stages=Opening(house.openings, papers.plan.job, relayed.survivors),
    )
    return opened.total


def _contribution(house: House, plan: Plan, sent: Contribution) -> inputs.Contribution:
    words = [
        ring.masked_from_wire(vector(house, digest), slots=count)
        for digest, (_, count) in zip(sent.vectors, chunks(plan.slots, mode=plan.mode), strict=True)
    ]
    return inputs.Contribution(
        party=sent.enclave,
        masked=Masked(np.concatenate(words)),
        sealed_receiver_mask=_decoded(sent.receiver_key),
        commitment=bytes.fromhex(sent.commitment),
        signature=_decoded(sent.recovery),
    )


def _answer(house: House, sid: bytes, unmasking: Unmasking) -> Answer:
    info = recovery.answer_info(sid, unmasking.enclave)
    return recovery.unpacked(
        unmasking.enclave, open_sealed(house.sealing, _decoded(unmasking.shares), info=info)
    )


def vector(house: House, sha256: str) -> bytes:
    """A vector whose digest the enclave signed. Raises RunRefused for other bytes."""
    data = house.wire.get_attachment(sha256)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise RunRefused("vector_mismatch", "expected the vector that was signed, got another")
    return data


def _decoded(text: str | None) -> bytes:
    try:
        return base64.b64decode(text or "", validate=True)
    except (binascii.Error, ValueError):
        raise RunRefused("contribution_mismatch", "expected base64, got other text") from None
