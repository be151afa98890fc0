"""The two rounds before anything is masked: every enclave's bundle, then every enclave's transcript of all bundles.

Rules (protocols.md section 2.3, R1 and T1; attacks A8, A9):
1. One bundle for each line of the signed roster, no more and no fewer.
2. A bundle is signed by a boot key, the boot key by the enclave's pinned identity key. Boot and ephemeral keys are all
   different: the same key twice would let one party stand in two places.
3. All transcripts are signed by these boot keys and name the T1 that is recomputed here from the bundles themselves.

Enclaves and gate check the same; bitmaps are in `bitmap`, the X25519 order of a key in `enclaves.protocols.secagg`.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from enclaves.run.errors import RunRefused
from policies.authorization import check_boot
from policies.documents.authorization import RosterMember
from policies.documents.envelope import Envelope
from policies.documents.job import Plan
from policies.documents.run import Bundle, Transcript, transcript_digest
from policies.documents.survivors import Agreement, Unmasking
from policies.documents.trust import TrustRoot
from policies.errors import PolicyError
from policies.keys import IdentityKey


@dataclass(frozen=True, slots=True)
class BundlePair:
    """A bundle and the boot certificate it hangs on, as they travel."""

    bundle: Envelope
    boot: Envelope


@dataclass(frozen=True, slots=True)
class Voice:
    """A verified bundle of one roster member: its keys for this run."""

    member: RosterMember
    bundle: Bundle
    digest: str
    boot_key: IdentityKey

    @property
    def ephemeral_key(self) -> bytes:
        """The 32 bytes of the X25519 key."""
        return base64.b64decode(self.bundle.ephemeral_key)

    def check_signed(self, envelope: Envelope) -> None:
        """Raise RunRefused unless this member's boot key signed `envelope`."""
        try:
            envelope.check_signed_by(self.boot_key)
        except PolicyError:
            raise RunRefused(
                "signature_invalid",
                f"expected a {envelope.kind} signed by the boot key of `{self.member.enclave}`",
            ) from None


def check_bundles(
    pairs: Sequence[BundlePair], plan: Plan, trust: TrustRoot, *, revoked_keys: frozenset[str] = frozenset()
) -> tuple[Voice, ...]:
    """The verified voices in roster order. Raises RunRefused."""
    by_enclave: dict[str, Voice] = {}
    for pair in pairs:
        voice = _voice(pair, plan, trust, revoked_keys=revoked_keys)
        if voice.member.enclave in by_enclave:
            raise RunRefused("bundle_duplicate", f"expected one bundle of `{voice.member.enclave}`, got two")
        by_enclave[voice.member.enclave] = voice
    if len(by_enclave) != len(plan.roster):
        raise RunRefused("bundle_missing", f"expected {len(plan.roster)} bundles, got {len(by_enclave)}")
    voices = tuple(by_enclave[member.enclave] for member in plan.roster)
    for keys in ({v.bundle.ephemeral_key for v in voices}, {v.boot_key.raw for v in voices}):
        if len(keys) != len(voices):
            raise RunRefused("key_duplicate", "expected a key of its own for each enclave, got one twice")
    return voices


def transcript_of(voices: Sequence[Voice], plan: Plan) -> str:
    """T1 over the bundles of all voices, 64 hex digits."""
    return transcript_digest(plan.sid.hex(), (voice.digest for voice in voices))


def check_transcripts(
    envelopes: Sequence[Envelope], voices: Sequence[Voice], plan: Plan
) -> tuple[Transcript, ...]:
    """The transcripts in roster order, once every voice has signed exactly T1 (`transcript_of`). Raises RunRefused."""
    expected = transcript_of(voices, plan)
    by_enclave = {voice.member.enclave: voice for voice in voices}
    heard: dict[str, Transcript] = {}
    for envelope in envelopes:
        transcript = Transcript.read(envelope)
        voice = by_enclave.get(transcript.enclave)
        if voice is None or transcript.run != plan.sid.hex():
            raise RunRefused("transcript_foreign", "expected transcripts of this run's roster, got another")
        voice.check_signed(envelope)
        if transcript.transcript != expected:
            raise RunRefused(
                "transcript_mismatch", f"expected the same T1 from `{transcript.enclave}`, got another"
            )
        if (transcript.recovery is None) is plan.recovers:
            raise RunRefused("transcript_mismatch", "expected shares exactly in a run that recovers")
        heard[transcript.enclave] = transcript
    if heard.keys() != by_enclave.keys() or len(envelopes) != len(voices):
        raise RunRefused("transcript_missing", f"expected {len(voices)} transcripts, got {len(envelopes)}")
    return tuple(heard[voice.member.enclave] for voice in voices)


def _voice(pair: BundlePair, plan: Plan, trust: TrustRoot, *, revoked_keys: frozenset[str]) -> Voice:
    bundle = Bundle.read(pair.bundle)
    member = next((m for m in plan.roster if m.enclave == bundle.enclave), None)
    if member is None or bundle.department != member.department or bundle.run != plan.sid.hex():
        raise RunRefused("bundle_foreign", "expected bundles of this run's roster, got another")
    try:
        party, boot_key = check_boot(pair.boot, trust, revoked_keys=revoked_keys)
    except PolicyError as error:
        raise RunRefused("boot_invalid", f"expected a certified boot key: {error.code}") from None
    if party.id != member.enclave or party.key.keyid != member.keyid or bundle.boot != pair.boot.digest:
        raise RunRefused("boot_foreign", f"expected a boot key of `{member.enclave}`, got another")
    voice = Voice(member, bundle, pair.bundle.digest, boot_key)
    voice.check_signed(pair.bundle)
    if (bundle.recovery is None) is plan.recovers:
        raise RunRefused("bundle_mismatch", "expected the keys of a run that recovers exactly in one")
    return voice


def check_agreements(
    envelopes: Sequence[Envelope], voices: Sequence[Voice], *, plan: Plan, transcript: str
) -> tuple[Agreement, ...]:
    """Agreements of this run's enclaves over its T1, as they came; how many and on what is the room's to judge."""
    found = []
    for envelope in envelopes:
        agreement = Agreement.read(envelope)
        voice_of(agreement, voices, plan=plan, transcript=transcript).check_signed(envelope)
        found.append(agreement)
    return tuple(found)


def voice_of(said: Agreement | Unmasking, voices: Sequence[Voice], *, plan: Plan, transcript: str) -> Voice:
    """The voice that must have signed what is said after the vectors. Raises RunRefused for another run or T1."""
    voice = next((voice for voice in voices if voice.member.enclave == said.enclave), None)
    if voice is None or said.run != plan.sid.hex() or said.transcript != transcript:
        raise RunRefused(
            "survivors_foreign", f"expected a {said.kind} of this run and transcript, got another's"
        )
    return voice
