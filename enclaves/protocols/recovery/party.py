"""One party's side of a session, R1 to R5: a machine that goes forwards, each step once.

Rules:
1. A step that is out of order is refused and changes nothing. A step that is in order but gets something wrong ends the
   session for this party: its secrets are dropped, and nothing more leaves it.
2. The stage is entered, in memory and then durably, before the step masks, signs or sends anything; a step that fails
   between is lost, not repeated.
3. After R3 only shares of others remain; after R5 nothing does. No method gives anything twice.

Follows protocols.md section 2.3. Randomness, signing, sealing and the session table are arguments. Left to the caller: the
plan and its authorization (R0), boot keys and their chains, transport, noise.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, TypeVar

from enclaves.protocols import secagg
from enclaves.protocols.recovery import bundles, dealing, inputs, survivors, unmasking
from enclaves.protocols.recovery.bundles import Bundle, Drawn, Roll, Sign
from enclaves.protocols.recovery.dealing import Dealing, Held, SignedTranscript
from enclaves.protocols.recovery.errors import Reason, RecoveryRefused
from enclaves.protocols.recovery.inputs import Contribution, Seal, VectorMasks
from enclaves.protocols.recovery.session import Keys, Session, check_keys
from enclaves.protocols.recovery.shamir import Draw
from enclaves.protocols.recovery.stages import Stage, StageStore, check_follows
from enclaves.protocols.recovery.survivors import Agreement, Survivors
from enclaves.protocols.recovery.unmasking import Answer
from enclaves.protocols.ring import Encoded, Masked
from enclaves.protocols.secagg import EphemeralKey


@dataclass(frozen=True, slots=True)
class Means:
    """What a process lends a party: randomness, its boot key's signature, sealing to the gate, the session table."""

    draw: Draw
    sign: Sign
    seal: Seal
    stages: StageStore


@dataclass(frozen=True, slots=True)
class _Keyed:
    drawn: Drawn = field(repr=False)
    bundle: Bundle


@dataclass(frozen=True, slots=True)
class _Dealt:
    share_key: EphemeralKey
    masks: VectorMasks
    roll: Roll
    own: Held


@dataclass(frozen=True, slots=True)
class _Ready:
    masks: VectorMasks
    roll: Roll
    held: Mapping[str, Held]


@dataclass(frozen=True, slots=True)
class _Masked:
    masks: VectorMasks
    roll: Roll
    held: Mapping[str, Held]


@dataclass(frozen=True, slots=True)
class _Sent:
    roll: Roll
    held: Mapping[str, Held]


@dataclass(frozen=True, slots=True)
class _Agreed:
    roll: Roll
    held: Mapping[str, Held]
    survivors: Survivors


_State = _Keyed | _Dealt | _Ready | _Masked | _Sent | _Agreed | None
_S = TypeVar("_S", _Keyed, _Dealt, _Ready, _Masked, _Sent, _Agreed)


class Party:
    """One enclave in one session."""

    __slots__ = ("_keys", "_means", "_name", "_session", "_stage", "_state")

    def __init__(self, name: str, session: Session, *, keys: Keys | None = None, means: Means) -> None:
        """`keys` are the verified boot keys of the roster, None where they come with the bundles (`know`).

        Raises RecoveryRefused if they do not fit the roster.
        """
        session.number(name)
        self._name: Final = name
        self._session: Final = session
        self._keys: Keys = {}
        if keys is not None:
            self.know(keys)
        self._means: Final = means
        self._stage = Stage.PLANNED
        self._state: _State = None

    @property
    def stage(self) -> Stage:
        """How far this party is; `ended` after anything went wrong."""
        return self._stage

    def know(self, keys: Keys) -> None:
        """Take the verified boot keys of the roster, before `deal` and once. Raises RecoveryRefused."""
        if self._keys:
            raise RecoveryRefused(Reason.OUT_OF_ORDER, "expected boot keys once, got them twice")
        check_keys(self._session, keys)
        self._keys = dict(keys)

    def publish(self) -> Bundle:
        """R1: draw fresh secrets and publish what belongs to them."""
        with self._entering(Stage.KEYED):
            drawn = bundles.draw_secrets(self._means.draw)
            bundle = bundles.bundle_of(self._session, self._name, drawn, sign=self._means.sign)
            self._state = _Keyed(drawn, bundle)
            return bundle

    def deal(self, published: Iterable[Bundle]) -> Dealing:
        """R2: verify all bundles, deal shares of both secrets, sign the transcript."""
        with self._entering(Stage.DEALT):
            session, state = self._session, self._expect(_Keyed)
            drawn = state.drawn
            roll = bundles.check_bundles(session, published, self._keys)
            if roll.bundles[self._name] != state.bundle:
                raise RecoveryRefused(Reason.BUNDLES, "expected the own bundle among all, got another")
            masks = inputs.vector_masks(session, self._name, drawn, roll=roll)
            sent, own = dealing.deal(
                session, self._name, drawn, roll=roll, draw=self._means.draw, sign=self._means.sign
            )
            self._state = _Dealt(drawn.share_key, masks, roll, own)
            return sent

    def accept(self, transcripts: Iterable[SignedTranscript], sealed: Mapping[str, bytes]) -> None:
        """The end of R2: all n signed the same T1, and every peer's shares open. `sealed` is by sender."""
        with self._entering(Stage.READY):
            session, state = self._session, self._expect(_Dealt)
            dealing.check_transcripts(session, transcripts, roll=state.roll, keys=self._keys)
            held = dealing.open_dealt(session, self._name, state.share_key, roll=state.roll, sealed=sealed)
            self._state = _Ready(state.masks, state.roll, held | {self._name: state.own})

    def hand_over(self) -> VectorMasks:
        """The masks of this session's one vector, for the process that encodes it; they are given once."""
        with self._entering(Stage.MASKED):
            state = self._expect(_Ready)
            self._state = _Masked(state.masks, state.roll, state.held)
            return state.masks

    def send(self, masked: Masked, commitment: bytes) -> Contribution:
        """R3: sign what was masked with the masks handed over, and seal the receiver mask to the gate."""
        with self._entering(Stage.SENT):
            state = self._expect(_Masked)
            self._state = _Sent(state.roll, state.held)
            return inputs.contribution_of(
                self._session,
                state.masks,
                masked=masked,
                commitment=commitment,
                roll=state.roll,
                seal=self._means.seal,
                sign=self._means.sign,
            )

    def contribute(self, encoded: Encoded, *, noise: Encoded | None = None) -> Contribution:
        """R3 in one process: hand over, mask, commit, send. Neither array is changed.

        An input that does not fit the session is refused before anything is handed over.
        """
        inputs.check_input(self._session, encoded, noise)
        masks = self.hand_over()
        try:
            masked = inputs.masked_vector(self._session, masks, encoded=encoded, noise=noise)
            commitment = secagg.commitment(masks.opening_key, encoded)
        except BaseException:
            self.end()
            raise
        return self.send(masked, commitment)

    def agree(self, announced: Sequence[str]) -> Agreement:
        """R4: sign the announced set of survivors, the only one of this session."""
        with self._entering(Stage.AGREED):
            state = self._expect(_Sent)
            chosen = survivors.check_survivors(self._session, announced)
            signed = survivors.agreement_of(
                self._session, self._name, chosen, roll=state.roll, sign=self._means.sign
            )
            self._state = _Agreed(state.roll, state.held, chosen)
            return signed

    def unmask(self, agreements: Iterable[Agreement]) -> Answer:
        """R5: once t survivors signed the set that this party signed, give its shares away, once."""
        with self._entering(Stage.REVEALED, persist=False):
            state = self._expect(_Agreed)
            survivors.check_agreement(
                self._session, agreements, survivors=state.survivors, roll=state.roll, keys=self._keys
            )
            # The one-shot flag: from here on this sid is spent, whether or not the answer arrives.
            self._means.stages.move(self._session.sid, Stage.REVEALED)
            self._state = None
            return unmasking.answer_of(
                self._session,
                self._name,
                state.held,
                survivors=state.survivors,
                roll=state.roll,
                sign=self._means.sign,
            )

    def end(self) -> None:
        """Drop every secret; nothing more leaves this party in this session."""
        self._stage, self._state = Stage.ENDED, None

    @contextmanager
    def _entering(self, stage: Stage, *, persist: bool = True) -> Iterator[None]:
        """Enter `stage` before the step, and end the session if the step fails."""
        check_follows(self._stage, stage)
        self._stage = stage
        try:
            if persist:
                self._means.stages.move(self._session.sid, stage)
            yield
        except BaseException:
            self.end()
            raise

    def _expect(self, kind: type[_S]) -> _S:
        """What the stage before left; the table of stages makes any other kind impossible."""
        if not isinstance(self._state, kind):
            raise RecoveryRefused(Reason.OUT_OF_ORDER, "expected what the stage before left, got nothing")
        return self._state
