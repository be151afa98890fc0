"""The commitment that pins a set of blinded points: SHA-256 over what it belongs to and the sorted points.

Sorted, it names the set and says nothing of its order; blinded, the points tell nobody who the set is (protocols.md
section 5, "committed set", after PICS). It belongs in the log, signed by who sends the points.
"""

import hashlib
import hmac
from typing import Final, NewType

from enclaves.protocols.alignment.errors import BatchInvalid
from enclaves.protocols.alignment.group import Points
from enclaves.protocols.alignment.roster import SID_BYTES, framed_name
from enclaves.protocols.errors import ProtocolError
from enclaves.protocols.labels import Label

MAX_STAGE: Final = 255

Commitment = NewType("Commitment", bytes)


def commitment(label: Label, points: Points, *, sid: bytes, origin: str, stage: int) -> Commitment:
    """32 bytes: SHA-256(label || sid || u8 stage || u8 length || origin || u32 count || sorted points)."""
    if len(sid) != SID_BYTES or not 1 <= stage <= MAX_STAGE:
        raise ProtocolError(
            f"expected a sid of {SID_BYTES} bytes and a stage of 1 to {MAX_STAGE}, got others"
        )
    head = label.value + sid + bytes([stage]) + framed_name(origin) + len(points).to_bytes(4, "big")
    digest = hashlib.sha256(head)
    digest.update(b"".join(sorted(points)))
    return Commitment(digest.digest())


def check_commitment(made: Commitment, logged: Commitment) -> None:
    """Raises BatchInvalid unless the commitment of what was received is the one its sender logged."""
    if not hmac.compare_digest(made, logged):
        raise BatchInvalid("expected the points that the sender committed to, got others")
