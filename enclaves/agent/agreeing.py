"""The two rounds in which everybody sees that everybody saw the same (docs/protocol.md 4.4 and the start of 4.5).

`transcribe` verifies all bundles and signs T1 over them; `agree` verifies that all signed the same T1 and takes the AND of
all accept bitmaps. No mask exists before both have passed (attacks A8, A9). In a run that recovers the transcripts also carry
the shares that every enclave deals to every other.
"""

from __future__ import annotations

import hashlib

from enclaves.agent.house import House
from enclaves.agent.live import LiveRun
from enclaves.run import bitmap
from enclaves.run.errors import RunRefused
from enclaves.run.exchange import Voice, check_bundles, check_transcripts, transcript_of
from enclaves.run.mail import Body, envelopes, pairs
from policies.documents.run import Transcript


def transcribe(house: House, live: LiveRun, body: Body) -> None:
    """Verify all bundles, check that the own one is unchanged, answer with the transcript."""
    plan = live.papers.plan
    voices = check_bundles(
        pairs(body, "items"), plan, house.trust, revoked_keys=house.witness.halts.revoked_keys
    )
    own = next(voice for voice in voices if voice.member.enclave == house.party)
    if own.digest != live.bundle.digest:
        raise RunRefused("bundle_changed", "expected the own bundle unchanged, got another")
    live.voices = voices
    dealt = live.masking.deal(voices)
    transcript = Transcript(
        id=f"transcript-{house.party}-{live.papers.run[:12]}",
        run=live.papers.run,
        enclave=house.party,
        transcript=transcript_of(voices, plan),
        recovery=dealt,
    )
    house.wire.send(
        "coordinator",
        "transcript",
        {"transcript": transcript.envelope(house.boot.private).to_json()},
        run=live.papers.run,
    )


def agree(house: House, live: LiveRun, body: Body) -> None:
    """Verify that all transcripts name the one T1; then the effective slots are known."""
    plan = live.papers.plan
    if not live.voices:
        raise RunRefused("run_out_of_order", "expected the bundles before the transcripts, got none")
    transcripts = check_transcripts(envelopes(body, "items"), live.voices, plan)
    live.masking.accept(transcripts)
    live.transcript = transcript_of(live.voices, plan)
    bitmaps = [_bitmap(house, live, voice) for voice in live.voices]
    live.effective = bitmap.effective(bitmaps, slots=plan.accepting)


def _bitmap(house: House, live: LiveRun, voice: Voice) -> bytes:
    if voice.member.enclave == house.party:
        return bitmap.pack(live.accepted)
    data = house.wire.get_attachment(voice.bundle.accepts)
    if hashlib.sha256(data).hexdigest() != voice.bundle.accepts:
        raise RunRefused("bitmap_invalid", "expected the bitmap that the bundle names, got another")
    return data
