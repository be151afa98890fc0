"""How a run is masked, as the steps of a run see it: with pair masks alone, or so that it survives absence (`recovering`).

Pair masks alone are for up to three enclaves and for encrypted modes: one ephemeral key a run, no self mask, and on any absence
nothing opens (protocols.md section 2.3). Every method may be called once, in the order they stand here; each makes the stage
durable before what it returns may leave.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from enclaves.agent.house import House
from enclaves.agent.stages import Stage
from enclaves.protocols import secagg
from enclaves.protocols.sealing import seal
from enclaves.protocols.secagg import EphemeralKey
from enclaves.run.errors import RunRefused
from enclaves.run.exchange import Voice
from enclaves.run.papers import Papers
from enclaves.transport.party import sealing_key
from enclaves.worker.order import Masks
from policies.documents.authorization import Mode
from policies.documents.run import Dealt, RecoveryKeys, Transcript

KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Published:
    """What of the own keys stands in the bundle."""

    ephemeral_key: bytes
    recovery: RecoveryKeys | None = None


@dataclass(frozen=True, slots=True)
class Sealed:
    """What stands beside the vectors in a contribution: the receiver key sealed to the gate, a room's signature."""

    receiver_key: str | None
    recovery: str | None = None


class Masking(Protocol):
    """The keys of one enclave in one run, and what is done with them."""

    def publish(self) -> Published:
        """Draw the keys; the session is `bundled`."""

    def deal(self, voices: Sequence[Voice]) -> Dealt | None:
        """Verify all keys; the session is `transcribed`."""

    def accept(self, transcripts: Sequence[Transcript]) -> None:
        """Verify what all said of the transcript, and what they dealt."""

    def hand_over(self) -> Masks:
        """The mask keys for the one worker of the run."""

    def send(self, vectors: Sequence[bytes], commitment: bytes) -> Sealed:
        """Seal and sign what goes with the masked `vectors`, chunks in order."""

    def sent(self) -> None:
        """The contribution has left."""


class PairMasking:
    """Pair masks and, in mode masked, a receiver mask."""

    __slots__ = ("_ephemeral", "_house", "_papers", "_receiver", "_voices")

    def __init__(self, house: House, papers: Papers) -> None:
        self._house: Final = house
        self._papers: Final = papers
        self._ephemeral = EphemeralKey(secrets.token_bytes(KEY_BYTES))
        self._voices: tuple[Voice, ...] = ()
        self._receiver: bytes | None = None

    def publish(self) -> Published:
        self._move(Stage.BUNDLED)
        return Published(self._ephemeral.public)

    def deal(self, voices: Sequence[Voice]) -> Dealt | None:
        self._voices = tuple(voices)
        self._move(Stage.TRANSCRIBED)
        return None

    def accept(self, transcripts: Sequence[Transcript]) -> None:
        """Nothing was dealt."""

    def hand_over(self) -> Masks:
        if self._papers.plan.mode is Mode.MASKED:
            self._receiver = secrets.token_bytes(KEY_BYTES)
        return Masks(
            party=self._house.party,
            pair_keys=self._pair_keys(),
            receiver_key=self._receiver,
            opening_key=secrets.token_bytes(KEY_BYTES),
        )

    def send(self, vectors: Sequence[bytes], commitment: bytes) -> Sealed:
        if self._receiver is None:
            return Sealed(None)
        plan = self._papers.plan
        public = sealing_key(self._house.trust.party(plan.gate), "a gate")
        info = secagg.receiver_key_info(plan.sid, party=self._house.party)
        return Sealed(base64.b64encode(seal(public, self._receiver, info=info)).decode())

    def sent(self) -> None:
        self._move(Stage.SENT)

    def _move(self, stage: Stage) -> None:
        self._house.sessions.move(self._papers.plan.sid, stage)

    def _pair_keys(self) -> dict[str, bytes]:
        """The mask key shared with each other enclave of the run; parties are named by enclave id."""
        if not self._voices:
            raise RunRefused("run_out_of_order", "expected all bundles before the masks, got none")
        own, sid = self._house.party, self._papers.plan.sid
        keys: dict[str, bytes] = {}
        for voice in self._voices:
            peer = voice.member.enclave
            if peer != own:
                low, high = sorted((own, peer), key=str.encode)
                keys[peer] = secagg.pair_key(
                    self._ephemeral, voice.ephemeral_key, sid=sid, low=low, high=high
                )
        return keys
