"""Everything the gate verifies before it opens a total, for itself, whatever the coordinator has checked (4.6).

Order: plan and papers; intent under a fresh checkpoint; bundles, transcripts and the one T1, recomputed; one contribution
of each enclave (of each survivor where the run recovers), signed by its boot key, over this T1, of the right number of vectors;
bitmaps; the decision. The vectors themselves are checked by digest when they are fetched.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from enclaves.gate.house import House
from enclaves.gate.recovering import Relayed, read_relayed
from enclaves.protocols.sealing import open_sealed
from enclaves.protocols.secagg import ReceiverKey, receiver_key_info
from enclaves.run import bitmap
from enclaves.run.errors import RunRefused
from enclaves.run.evidence import case_of
from enclaves.run.exchange import Voice, check_bundles, check_transcripts, transcript_of
from enclaves.run.mail import Body, envelope, envelopes, pairs
from enclaves.run.papers import Papers, gather
from enclaves.witness.witness import Seen
from enclaves.worker.order import chunks
from policies.decision.actions import opening
from policies.decision.permit import Permit, grant
from policies.documents.authorization import Mode
from policies.documents.envelope import Envelope
from policies.documents.job import Plan
from policies.documents.run import Contribution


@dataclass(frozen=True, slots=True)
class Verified:
    """A run that may be opened: contributions in roster order, effective slots, the permit; `relayed` where it recovers."""

    papers: Papers
    contributions: tuple[Contribution, ...]
    effective: NDArray[np.bool_]
    permit: Permit
    relayed: Relayed | None = None


def verify(house: House, body: Body) -> Verified:
    """All checks. Raises RunRefused, PolicyError (`Refused` with reasons), WitnessError, TransportError."""
    plan_envelope = envelope(body, "plan")
    papers = gather(plan_envelope, house.trust, house.wire)
    plan = papers.plan
    seen = house.witness.see(plan.intent)
    voices = check_bundles(
        pairs(body, "bundles"), plan, house.trust, revoked_keys=house.witness.halts.revoked_keys
    )
    transcripts = check_transcripts(envelopes(body, "transcripts"), voices, plan)
    transcript = transcript_of(voices, plan)
    relayed = None
    if plan.recovers:
        relayed = read_relayed(body, voices, plan=plan, transcripts=transcripts, transcript=transcript)
    contributions = check_contributions(
        envelopes(body, "contributions"), _speaking(voices, relayed), plan=plan, transcript=transcript
    )
    bitmaps = [house.wire.get_attachment(voice.bundle.accepts) for voice in voices]
    for data, voice in zip(bitmaps, voices, strict=True):
        if hashlib.sha256(data).hexdigest() != voice.bundle.accepts:
            raise RunRefused("bitmap_invalid", "expected the bitmap that the bundle names, got another")
    effective = bitmap.effective(bitmaps, slots=plan.accepting)
    permit = _permit(house, papers, seen=seen, accepted=int(effective.sum()))
    return Verified(papers, contributions, effective, permit, relayed)


def _speaking(voices: tuple[Voice, ...], relayed: Relayed | None) -> tuple[Voice, ...]:
    """Whose contributions are summed: of all, or in a run that recovers of the survivors."""
    if relayed is None:
        return voices
    return tuple(voice for voice in voices if voice.member.enclave in relayed.survivors)


def check_contributions(
    envelopes_: Sequence[Envelope], voices: Sequence[Voice], *, plan: Plan, transcript: str
) -> tuple[Contribution, ...]:
    """One contribution of each voice, in roster order. Raises RunRefused; an absent enclave means no opening."""
    by_enclave = {voice.member.enclave: voice for voice in voices}
    found: dict[str, Contribution] = {}
    vectors = len(list(chunks(plan.slots, mode=plan.mode)))
    for item in envelopes_:
        contribution = Contribution.read(item)
        voice = by_enclave.get(contribution.enclave)
        if voice is None or contribution.run != plan.sid.hex() or contribution.enclave in found:
            raise RunRefused("contribution_foreign", "expected one of each enclave in this run, got another")
        voice.check_signed(item)
        if contribution.department != voice.member.department or contribution.transcript != transcript:
            raise RunRefused(
                "contribution_mismatch", "expected a contribution to this transcript, got another"
            )
        if len(contribution.vectors) != vectors:
            raise RunRefused("contribution_mismatch", f"expected {vectors} vectors, got another number")
        if (contribution.receiver_key is not None) != (plan.mode is Mode.MASKED):
            raise RunRefused("contribution_mismatch", "expected a receiver key exactly in mode masked")
        if (contribution.recovery is None) is plan.recovers:
            raise RunRefused("contribution_mismatch", "expected a room's signature exactly where it recovers")
        found[contribution.enclave] = contribution
    if len(found) != len(voices):
        raise RunRefused("contribution_missing", f"expected {len(voices)} contributions, got {len(found)}")
    return tuple(found[voice.member.enclave] for voice in voices)


def receiver_keys(house: House, verified: Verified) -> dict[str, ReceiverKey]:
    """The receiver-mask key of each enclave, opened. Raises SealBroken, RunRefused."""
    sid = verified.papers.plan.sid
    keys: dict[str, ReceiverKey] = {}
    for contribution in verified.contributions:
        info = receiver_key_info(sid, party=contribution.enclave)
        key = open_sealed(house.sealing, _decoded(contribution.receiver_key), info=info)
        if len(key) != 32 or key in keys.values():
            raise RunRefused("receiver_key_invalid", "expected a key of 32 bytes of its own, got another")
        keys[contribution.enclave] = ReceiverKey(key)
    return keys


def _decoded(text: str | None) -> bytes:
    try:
        return base64.b64decode(text or "", validate=True)
    except ValueError:
        raise RunRefused("receiver_key_invalid", "expected a sealed receiver key, got other text") from None


def _permit(house: House, papers: Papers, *, seen: Seen, accepted: int) -> Permit:
    case = case_of(
        papers, trust=house.trust, now=house.now(), halts=house.witness.halts, seen=seen, accepted=accepted
    )
    return grant(opening(papers.job), case)
