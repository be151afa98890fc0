"""A run that survives absence, as this enclave takes part in it: the room's party over the wire's documents and the stages.

Rules:
1. The party's secrets live in memory and, for one worker, in its one-use order. Stages are durable before anything leaves;
   a restart has the stage and not the secrets, so no share is given twice (`stages`).
2. Shares leave sealed to the gate, after t survivors signed the one set that this enclave signed.
3. A score or vet job opens with all of the roster or not at all: no domain's part of a person may lack.
4. One question of one state of the data opens over one set of survivors: whoever asks again gets the same set or nothing,
   since the difference of two sums would be one domain's part (attack A10).

Follows protocols.md section 2.3, R1 to R5 (`enclaves.protocols.recovery.party`).
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from typing import Final

import numpy as np

from enclaves.agent.house import House
from enclaves.agent.masking import Published, Sealed
from enclaves.agent.stages import Stage
from enclaves.protocols.recovery.party import Means, Party
from enclaves.protocols.recovery.stages import Stage as PartyStage
from enclaves.protocols.ring import Masked
from enclaves.protocols.sealing import seal
from enclaves.run import recovery
from enclaves.run.errors import RunRefused
from enclaves.run.exchange import Voice
from enclaves.run.papers import Papers
from enclaves.run.sessions import Sessions
from enclaves.transport.party import sealing_key
from enclaves.worker.order import Masks
from policies.authorization import check_signed
from policies.documents.authorization import JobKind
from policies.documents.envelope import Envelope
from policies.documents.run import Dealt, Transcript
from policies.documents.survivors import Agreement, Survivors, Unmasking

STAGES: Final = {
    PartyStage.KEYED: Stage.BUNDLED,
    PartyStage.DEALT: Stage.TRANSCRIBED,
    PartyStage.READY: Stage.READY,
    PartyStage.MASKED: Stage.MASKED,
    PartyStage.SENT: Stage.DELIVERED,
    PartyStage.AGREED: Stage.AGREED,
    PartyStage.REVEALED: Stage.REVEALED,
}
"""What the room's stages are called in the session table."""


class RunStages:
    """The session table as the room's party writes it."""

    __slots__ = ("_sessions",)

    def __init__(self, sessions: Sessions) -> None:
        self._sessions: Final = sessions

    def move(self, sid: bytes, stage: str, /) -> None:
        """Enter `stage`, durably. Raises RunRefused(`run_out_of_order`)."""
        self._sessions.move(sid, STAGES[PartyStage(stage)])


class RecoveringMasking:
    """The room's party of one run; the first six methods are those of `masking.Masking`."""

    __slots__ = ("_house", "_papers", "_party")

    def __init__(self, house: House, papers: Papers) -> None:
        """Raises RecoveryRefused, HeadroomExceeded, PolicyError for papers of which no session can be."""
        self._house: Final = house
        self._papers: Final = papers
        gate = sealing_key(house.trust.party(papers.plan.gate), "a gate")
        means = Means(
            draw=secrets.token_bytes,
            sign=house.boot.private.sign,
            seal=lambda plain, info: seal(gate, plain, info=info),
            stages=RunStages(house.sessions),
        )
        self._party: Final = Party(house.party, recovery.session_of(papers), means=means)

    def publish(self) -> Published:
        bundle = self._party.publish()
        return Published(bundle.mask_key, recovery.keys_document(bundle))

    def deal(self, voices: Sequence[Voice]) -> Dealt | None:
        self._party.know(recovery.keys_of(voices))
        return recovery.dealt_document(self._party.deal([recovery.bundle_of(voice) for voice in voices]))

    def accept(self, transcripts: Sequence[Transcript]) -> None:
        own = self._house.party
        dealings = [recovery.dealing_of(transcript) for transcript in transcripts]
        sealed = {d.party: d.sealed.get(own, b"") for d in dealings if d.party != own}
        self._party.accept([d.transcript for d in dealings], sealed)

    def hand_over(self) -> Masks:
        masks = self._party.hand_over()
        return Masks(
            party=masks.party,
            pair_keys=masks.pair_keys,
            receiver_key=masks.receiver_mask,
            opening_key=masks.opening_key,
            self_mask=masks.self_mask,
        )

    def send(self, vectors: Sequence[bytes], commitment: bytes) -> Sealed:
        words = np.frombuffer(b"".join(vectors), dtype="<u8")
        sent = self._party.send(Masked(words), commitment)
        return Sealed(
            base64.b64encode(sent.sealed_receiver_mask).decode(), base64.b64encode(sent.signature).decode()
        )

    def sent(self) -> None:
        """The session has been `delivered` since the contribution was signed: its shares are still to be given."""

    # After the contribution

    def agree(self, announced: Envelope, *, transcript: str, asked: tuple[str, str] | None) -> Agreement:
        """R4: sign the set that the coordinator announced, once; `asked` names question and snapshots, if there is one.

        Raises RunRefused, RecoveryRefused, PolicyError.
        """
        run = self._papers.run
        document = Survivors.read(announced)
        check_signed(announced, document, self._house.trust)
        if document.run != run:
            raise RunRefused("survivors_foreign", "expected the survivors of this run, got another's")
        plan = self._papers.plan
        if plan.job_kind is not JobKind.AGGREGATE and len(document.survivors) != len(plan.roster):
            raise RunRefused(
                "survivors_incomplete", "expected every domain in a job about persons, got fewer"
            )
        if asked is not None:
            self._house.answered.keep(*asked, survivors=document.survivors)
        agreement = self._party.agree(document.survivors)
        return recovery.agreement_document(agreement, run=run, transcript=transcript)

    def unmask(self, agreements: Sequence[Agreement], *, transcript: str) -> Unmasking:
        """R5: the shares, sealed to the gate, once t survivors signed the own set. Raises RecoveryRefused."""
        plan, own = self._papers.plan, self._house.party
        answer = self._party.unmask([recovery.agreement_of(agreement) for agreement in agreements])
        gate = sealing_key(self._house.trust.party(plan.gate), "a gate")
        sealed = seal(gate, recovery.packed(answer), info=recovery.answer_info(plan.sid, own))
        return Unmasking(
            id=f"unmasking-{own}-{self._papers.run[:12]}",
            run=self._papers.run,
            enclave=own,
            transcript=transcript,
            survivors=tuple(sorted(answer.of_self_masks)),
            shares=base64.b64encode(sealed).decode(),
        )
