"""What the protocol rooms refuse. A class of its own only where a caller acts differently."""

from typing import ClassVar

from enclaves.errors import EnclaveError


class ProtocolError(EnclaveError):
    """An input does not fit the protocol: wrong length, wrong party, wrong range."""

    code: ClassVar[str] = "protocol_error"


class HeadroomExceeded(ProtocolError):
    """The sum of all contributions could wrap around the ring; the configuration is refused."""

    code: ClassVar[str] = "headroom_exceeded"


class KeyReused(ProtocolError):
    """A one-use mask key was asked for slots that it has already masked, or never had."""

    code: ClassVar[str] = "key_reused"


class CommitmentMismatch(ProtocolError):
    """An opened contribution is not the one that was committed to."""

    code: ClassVar[str] = "commitment_mismatch"


class SealBroken(ProtocolError):
    """A sealed message does not open: wrong key, wrong binding, or altered bytes."""

    code: ClassVar[str] = "seal_broken"


class BfvRefused(ProtocolError):
    """A BFV context or ciphertext is not of the one shape that is accepted."""

    code: ClassVar[str] = "bfv_refused"
