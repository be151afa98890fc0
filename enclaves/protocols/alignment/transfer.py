"""A batch sealed to the party whose turn is next, so that who carries it sees its padded size and nothing else.

Base-mode HPKE authenticates nobody; the sender signs what it seals, and the receiver checks the points against the
sender's logged commitment (`stages`). The binding names scenario, origin, stage and receiver: a batch opens only where
and when it belongs.
"""

from enclaves.protocols.alignment.batch import Batch
from enclaves.protocols.alignment.errors import BatchInvalid
from enclaves.protocols.alignment.roster import Roster, framed_name
from enclaves.protocols.labels import Label
from enclaves.protocols.sealing import SealingKey, SealingPublicKey, open_sealed, seal


def seal_batch(batch: Batch, *, roster: Roster, receiver: SealingPublicKey) -> bytes:
    """The batch sealed to the key of `roster.holder(batch.origin, stage=batch.stage)`."""
    if batch.sid != roster.sid:
        raise BatchInvalid("expected a batch of this scenario, got another")
    return seal(
        receiver, batch.to_bytes(), info=transfer_info(roster, origin=batch.origin, stage=batch.stage)
    )


def open_batch(sealed: bytes, *, roster: Roster, origin: str, stage: int, private: SealingKey) -> Batch:
    """The batch of `origin` at `stage`. Raises SealBroken for another key, place or bytes, BatchInvalid inside."""
    raw = open_sealed(private, sealed, info=transfer_info(roster, origin=origin, stage=stage))
    batch = Batch.from_bytes(raw)
    if (batch.sid, batch.origin, batch.stage) != (roster.sid, origin, stage):
        raise BatchInvalid("expected the batch that its seal names, got another")
    return batch


def transfer_info(roster: Roster, *, origin: str, stage: int) -> bytes:
    """label || sid || stage || origin || receiver, each name with its length."""
    receiver = roster.holder(origin, stage=stage)
    return (
        Label.ALIGN_TRANSFER.value + roster.sid + bytes([stage]) + framed_name(origin) + framed_name(receiver)
    )
