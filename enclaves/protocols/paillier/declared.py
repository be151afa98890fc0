"""From the examiner's signed document to the bounds and the digest that a part is held against.

The first feature is presence, from 0 to `PRESENT`; then each feature's steps, counted from its first
(`policies.fixed_point`). Left to others: signatures, and that the document is of this model (`policies.decision`).
"""

from __future__ import annotations

from collections.abc import Sequence

from enclaves.protocols.paillier.bounds import PartBounds, check_capacity
from enclaves.protocols.paillier.keys import PublicKey
from enclaves.protocols.paillier.weights import AcceptedPart, accept, part_from_wire
from policies.documents.encrypted import EncryptedWeights
from policies.fixed_point import PRESENT


def bounds_of(weights: EncryptedWeights) -> PartBounds:
    """The bounds that the document declares."""
    spans = tuple((0, feature.last - feature.first) for feature in weights.features)
    return PartBounds(((0, PRESENT), *spans), weight=weights.weight_bound, intercept=weights.intercept_bound)


def capacity_of(weights: Sequence[EncryptedWeights]) -> int:
    """The largest magnitude of a total of these parts under a production key. Raises HeadroomExceeded where it could wrap."""
    return check_capacity([bounds_of(item) for item in weights])


def accept_declared(weights: EncryptedWeights, ciphertexts: bytes, *, key: PublicKey) -> AcceptedPart:
    """The part in `ciphertexts`, if it is to the last entry the one that `weights`, signed by the examiner, names.

    Raises PartNotSigned before any number is parsed, PaillierRefused afterwards.
    """
    part = part_from_wire(ciphertexts, features=1 + len(weights.features), bits=key.bits)
    signed = {bytes.fromhex(weights.entries)}
    return accept(
        part, key=key, bounds=bounds_of(weights), binding=weights.binding, is_signed=signed.__contains__
    )
