"""The examiner's side, part by part: from a vetted linear part to the document it signs and the ciphertexts beside it.

Rules:
- Only a part with a `blind` is encrypted: the head's digest of any other lets a department try out weights.
- The base is drawn afresh for each part, and every ciphertext is bound to the document (`weights`).
- What cannot be computed under encryption is refused here, with the reason (`policies.fixed_point`).

Left to others: that the part was vetted, that the key's proof holds (`modulus_proof.receive_key`), signing and sending.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Final

from enclaves.protocols.paillier.declared import bounds_of
from enclaves.protocols.paillier.errors import PaillierRefused
from enclaves.protocols.paillier.keys import PublicKey, RandomBits
from enclaves.protocols.paillier.obfuscators import Pool, draw_base
from enclaves.protocols.paillier.weights import encrypt_part
from policies import fixed_point
from policies.documents.encrypted import EncryptedWeights, PaillierKey
from policies.documents.model import LinearPart, Model

_UNKNOWN: Final = "0" * 64


@dataclass(frozen=True, slots=True)
class Encrypted:
    """One department's document, to be signed, and the attachment it names."""

    weights: EncryptedWeights
    ciphertexts: bytes = field(repr=False)


def encrypt_linear(
    part: LinearPart,
    *,
    model: Model,
    key: PaillierKey,
    public: PublicKey,
    examiner: str,
    randbits: RandomBits = secrets.randbits,
) -> Encrypted:
    """`part` under the gate's `key`, whose modulus is `public`; half a second.

    Raises PaillierRefused for a part that the model does not name or that has no blind, FixedPointInvalid for one whose sum
    could leave its ends.
    """
    head = model.part(part.department)
    if head is None or head.digest != part.digest:
        raise PaillierRefused("expected a part that the model's head names, got another")
    if part.blind is None:
        raise PaillierRefused(
            "expected a part with a blind: its public digest would let weights be tried out"
        )
    whole = fixed_point.whole(part, head, grid=model.grid)
    draft = EncryptedWeights(
        id=f"encrypted-{part.department}-{model.digest[:16]}",
        examiner=examiner,
        partner=model.partner,
        scenario=model.scenario,
        model=model.digest,
        key=key.digest,
        department=part.department,
        dataset=part.dataset,
        part=part.digest,
        row=part.row,
        features=whole.features,
        weight_bound=fixed_point.weight_bound(head),
        intercept_bound=fixed_point.intercept_bound(head),
        ciphertexts=_UNKNOWN,
        entries=_UNKNOWN,
    )
    pool = Pool(draw_base(public, randbits=randbits), randbits=randbits)
    encrypted = encrypt_part(
        whole.weights, whole.intercept, bounds=bounds_of(draft), binding=draft.binding, pool=pool
    )
    wire = encrypted.to_wire()
    # The binding leaves out what is only known now.
    named = {"ciphertexts": hashlib.sha256(wire).hexdigest(), "entries": encrypted.digest.hex()}
    return Encrypted(EncryptedWeights.from_body({**draft.to_body(), **named}), wire)
