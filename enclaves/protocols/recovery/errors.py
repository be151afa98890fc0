"""Why a stage refuses. One class, since every caller acts alike: the session of that party is over."""

from enum import StrEnum, unique
from typing import ClassVar

from enclaves.protocols.errors import ProtocolError


@unique
class Reason(StrEnum):
    """What did not hold; travels to the coordinator instead of a message."""

    OUT_OF_ORDER = "stage_out_of_order"
    SESSION = "session_invalid"
    RANDOMNESS = "randomness_invalid"
    BUNDLES = "bundles_invalid"
    SIGNATURE = "signature_invalid"
    TRANSCRIPT = "transcript_mismatch"
    SHARE = "share_invalid"
    INPUT = "input_invalid"
    SURVIVORS = "survivors_invalid"
    ANSWERS = "answers_invalid"
    RECEIVER = "receiver_mask_invalid"


class RecoveryRefused(ProtocolError):
    """A message, a share or an order of stages that the protocol does not allow."""

    code: ClassVar[str] = "recovery_refused"

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
