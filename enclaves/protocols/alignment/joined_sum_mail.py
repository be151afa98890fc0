"""The three messages of a joined sum as bytes, each sealed to its receiver.

    kind 1, Asked      packed points
    kind 2, Answered   u32 raised || u32 own || u16 width of a ciphertext || points || points || ciphertexts
    kind 3, Outcome    u32 persons || ciphertext

Integers are big-endian. A message opens only for the scenario, kind, sender and receiver it was sealed for; base-mode HPKE
authenticates nobody, so the sender signs what it seals, elsewhere. Reading raises SealBroken or BatchInvalid only; whether
a ciphertext is one, its own room decides (`joined_sum.AdditiveKey.from_bytes`).
"""

import struct
from dataclasses import dataclass
from typing import Final, TypeAlias, assert_never

from enclaves.protocols.alignment.errors import BatchInvalid
from enclaves.protocols.alignment.group import POINT_BYTES, Points
from enclaves.protocols.alignment.joined_sum import Answered, Asked, Outcome
from enclaves.protocols.alignment.roster import SID_BYTES, framed_name
from enclaves.protocols.alignment.sizes import check_padded
from enclaves.protocols.errors import ProtocolError
from enclaves.protocols.labels import Label
from enclaves.protocols.sealing import SealingKey, SealingPublicKey, open_sealed, seal

Message: TypeAlias = Asked | Answered | Outcome

MAX_CIPHERTEXT_BYTES: Final = 2048
_KINDS: Final[dict[type[Message], int]] = {Asked: 1, Answered: 2, Outcome: 3}
_ANSWERED: Final = struct.Struct(">IIH")
_OUTCOME: Final = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Mail:
    """Whose message to whom, in which scenario."""

    sid: bytes
    sender: str
    receiver: str

    def __post_init__(self) -> None:
        if len(self.sid) != SID_BYTES:
            raise ProtocolError(f"expected a sid of {SID_BYTES} bytes, got {len(self.sid)}")

    def info(self, kind: type[Message]) -> bytes:
        """label || sid || kind || sender || receiver, each name with its length."""
        names = framed_name(self.sender) + framed_name(self.receiver)
        return Label.JOINED_SUM_TRANSFER.value + self.sid + bytes([_KINDS[kind]]) + names


def seal_message(message: Message, mail: Mail, *, receiver: SealingPublicKey) -> bytes:
    """The message sealed to its receiver's key."""
    return seal(receiver, _to_bytes(message), info=mail.info(type(message)))


def open_asked(sealed: bytes, mail: Mail, *, private: SealingKey) -> Asked:
    """The counter's set, at the giver."""
    return Asked(_points(open_sealed(private, sealed, info=mail.info(Asked))))


def open_answered(sealed: bytes, mail: Mail, *, private: SealingKey) -> Answered:
    """The giver's answer, at the counter."""
    raw = open_sealed(private, sealed, info=mail.info(Answered))
    if len(raw) < _ANSWERED.size:
        raise BatchInvalid(f"expected at least {_ANSWERED.size} bytes, got {len(raw)}")
    raised, own, width = _ANSWERED.unpack_from(raw)
    own_at = _ANSWERED.size + raised * POINT_BYTES
    ciphertexts_at = own_at + own * POINT_BYTES
    if not 1 <= width <= MAX_CIPHERTEXT_BYTES or len(raw) != ciphertexts_at + own * width:
        raise BatchInvalid("expected an answer of the length it names, got another")
    return Answered(
        raised=_points(raw[_ANSWERED.size : own_at]),
        own=_points(raw[own_at:ciphertexts_at]),
        ciphertexts=tuple(raw[at : at + width] for at in range(ciphertexts_at, len(raw), width)),
    )


def open_outcome(sealed: bytes, mail: Mail, *, private: SealingKey) -> Outcome:
    """Number and encrypted sum, at the gate."""
    raw = open_sealed(private, sealed, info=mail.info(Outcome))
    if not _OUTCOME.size < len(raw) <= _OUTCOME.size + MAX_CIPHERTEXT_BYTES:
        raise BatchInvalid("expected a number and one ciphertext, got other bytes")
    (persons,) = _OUTCOME.unpack_from(raw)
    return Outcome(persons, raw[_OUTCOME.size :])


def _to_bytes(message: Message) -> bytes:
    match message:
        case Asked(points):
            return points.raw
        case Answered(raised, own, ciphertexts):
            widths = {len(ciphertext) for ciphertext in ciphertexts}
            if len(widths) != 1:
                raise BatchInvalid("expected ciphertexts of one length, got others")
            head = _ANSWERED.pack(len(raised), len(own), widths.pop())
            return head + raised.raw + own.raw + b"".join(ciphertexts)
        case Outcome(persons, ciphertext):
            return _OUTCOME.pack(persons) + ciphertext
        case _:
            assert_never(message)


def _points(raw: bytes) -> Points:
    if len(raw) % POINT_BYTES:
        raise BatchInvalid(f"expected points of {POINT_BYTES} bytes, got {len(raw)} bytes")
    check_padded(len(raw) // POINT_BYTES)
    return Points(raw)
