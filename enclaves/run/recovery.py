"""A run that recovers: from the signed documents of the wire to the values of `enclaves.protocols.recovery`, and back.

Rules:
1. Enclaves are the parties of the session, in ascending order of their ids; the sid is the run id.
2. Every statement of the room is signed by the boot key that signs the document around it. A document is verified before
   what is in it is read here.
3. The bound of a vector and the room for noise follow from the papers, the same for everybody.

Follows protocols.md section 2.3. What is verified of documents and when: `exchange`, `enclaves.agent`, `enclaves.gate`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence

from enclaves.noise.tails import largest_noise
from enclaves.protocols.labels import Label
from enclaves.protocols.recovery.bundles import Bundle
from enclaves.protocols.recovery.dealing import Dealing, SignedTranscript
from enclaves.protocols.recovery.session import Session
from enclaves.protocols.recovery.shamir import Share
from enclaves.protocols.recovery.survivors import Agreement
from enclaves.protocols.recovery.unmasking import Answer
from enclaves.run.errors import RunRefused
from enclaves.run.exchange import Voice
from enclaves.run.papers import Papers
from policies.aggregate.question import asked_of
from policies.aggregate.shape import LARGEST_SUM
from policies.documents import strict_json
from policies.documents import survivors as documents
from policies.documents.job import Plan
from policies.documents.run import Dealt, RecoveryKeys, SealedShare, Transcript
from policies.documents.strict_json import Json
from policies.errors import PolicyError
from policies.keys import IdentityKey

MAX_SHARES_BYTES = 16_384


def session_of(papers: Papers) -> Session:
    """The session of a run that recovers. Raises RecoveryRefused, HeadroomExceeded, PolicyError."""
    plan = papers.plan
    bound, tail = _bounds(papers)
    return Session(sid=plan.sid, roster=roster_of(plan), slots=plan.slots, bound=bound, noise_tail=tail)


def roster_of(plan: Plan) -> tuple[str, ...]:
    """The enclaves in the order of the session."""
    return tuple(sorted(member.enclave for member in plan.roster))


def _bounds(papers: Papers) -> tuple[int, int]:
    """The largest magnitude of a party's number, and of its noise."""
    if papers.plan.query is None:
        return max(max(abs(part.low), abs(part.high)) for part in papers.model.parts), 0
    work = papers.asking
    question = asked_of(work.query, papers.job.parameters, scenario=papers.scenario, datasets=work.datasets)
    lanes = () if question.noise is None else question.noise.lanes
    tail = max((largest_noise(lane.share.variance) for lane in lanes), default=0)
    # The question was laid out so that the sum of all parties stays below this.
    return (LARGEST_SUM - 1) // len(papers.plan.roster), tail


def keys_of(voices: Sequence[Voice]) -> dict[str, IdentityKey]:
    """The verified boot key of every enclave."""
    return {voice.member.enclave: voice.boot_key for voice in voices}


def keys_document(bundle: Bundle) -> RecoveryKeys:
    """What of the room's bundle stands beside the ephemeral key, which is its mask key."""
    return RecoveryKeys(
        share_key=_text(bundle.share_key),
        self_commitment=bundle.self_commitment.hex(),
        signature=_text(bundle.signature),
    )


def bundle_of(voice: Voice) -> Bundle:
    """The room's bundle in a verified bundle of a run that recovers."""
    keys = voice.bundle.recovery
    if keys is None:
        raise RunRefused("bundle_mismatch", "expected the keys of a run that recovers, got none")
    return Bundle(
        party=voice.member.enclave,
        share_key=base64.b64decode(keys.share_key),
        mask_key=voice.ephemeral_key,
        self_commitment=bytes.fromhex(keys.self_commitment),
        signature=base64.b64decode(keys.signature),
    )


def dealt_document(dealing: Dealing) -> Dealt:
    """The member `recovery` of a transcript."""
    return Dealt(
        transcript=dealing.transcript.transcript.hex(),
        signature=_text(dealing.transcript.signature),
        shares=tuple(
            SealedShare(enclave=peer, sealed=_text(sealed)) for peer, sealed in sorted(dealing.sealed.items())
        ),
    )


def dealing_of(transcript: Transcript) -> Dealing:
    """The room's dealing in a verified transcript of a run that recovers."""
    dealt = transcript.recovery
    if dealt is None:
        raise RunRefused("transcript_mismatch", "expected the shares of a run that recovers, got none")
    return Dealing(
        party=transcript.enclave,
        sealed={share.enclave: base64.b64decode(share.sealed) for share in dealt.shares},
        transcript=SignedTranscript(
            transcript.enclave, bytes.fromhex(dealt.transcript), base64.b64decode(dealt.signature)
        ),
    )


def agreement_document(agreement: Agreement, *, run: str, transcript: str) -> documents.Agreement:
    """R4 as it travels."""
    return documents.Agreement(
        id=f"agreement-{agreement.party}-{run[:12]}",
        run=run,
        enclave=agreement.party,
        transcript=transcript,
        survivors=agreement.survivors,
        signature=_text(agreement.signature),
    )


def agreement_of(document: documents.Agreement) -> Agreement:
    """The inverse of `agreement_document`, of a verified document."""
    return Agreement(document.enclave, document.survivors, base64.b64decode(document.signature))


def answer_info(sid: bytes, party: str) -> bytes:
    """HPKE info of the shares that `party` gives away in the run `sid`, sealed to the gate."""
    return Label.SECAGG_ANSWER.value + sid + party.encode()


def packed(answer: Answer) -> bytes:
    """An answer as it is sealed: canonical JSON."""
    return strict_json.canonical(
        {
            "self_masks": {party: _text(share.to_wire()) for party, share in answer.of_self_masks.items()},
            "mask_seeds": {party: _text(share.to_wire()) for party, share in answer.of_mask_seeds.items()},
            "signature": _text(answer.signature),
        }
    )


def unpacked(party: str, data: bytes) -> Answer:
    """The inverse of `packed`. Raises RunRefused, RecoveryRefused."""
    try:
        members = strict_json.parse_object(data, max_bytes=MAX_SHARES_BYTES)
    except PolicyError as error:
        raise RunRefused("unmasking_invalid", f"expected shares in strict JSON: {error.code}") from None
    if members.keys() != {"self_masks", "mask_seeds", "signature"}:
        raise RunRefused("unmasking_invalid", "expected shares and a signature, got other members")
    return Answer(
        party=party,
        of_self_masks=_shares(members["self_masks"]),
        of_mask_seeds=_shares(members["mask_seeds"]),
        signature=_bytes(members["signature"]),
    )


def _shares(value: Json) -> Mapping[str, Share]:
    if not isinstance(value, dict):
        raise RunRefused("unmasking_invalid", "expected shares by enclave, got another form")
    return {party: Share.from_wire(_bytes(share)) for party, share in value.items()}


def _bytes(value: Json) -> bytes:
    try:
        return base64.b64decode(value if isinstance(value, str) else "*", validate=True)
    except (binascii.Error, ValueError):
        raise RunRefused("unmasking_invalid", "expected base64, got another form") from None


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
