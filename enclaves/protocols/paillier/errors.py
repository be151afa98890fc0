"""What the Paillier room refuses."""

from typing import ClassVar

from enclaves.protocols.errors import ProtocolError


class PaillierRefused(ProtocolError):
    """A modulus, proof, ciphertext, weight or parameter is not of the kind that is accepted."""

    code: ClassVar[str] = "paillier_refused"


class PartNotSigned(PaillierRefused):
    """Encrypted weights are not the ones that the examiner signed for this authorization."""

    code: ClassVar[str] = "part_not_signed"
