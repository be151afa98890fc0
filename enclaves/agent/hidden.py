"""Parts whose weights this department must not see: from signed documents to bytes that a worker may parse.

Rules (docs/protocol.md section 4a):
1. The decision point has permitted the run before this module fetches anything: key and weights are signed by gate and
   examiner, of this model, and cited by the authorization.
2. Proof and ciphertexts must have the very digests that were signed, or nothing of them is parsed.
3. The modulus is proven once for each key, in a confined child; that it was is durable. Ciphertexts are parsed in the score
   worker, after every one of them was found in the examiner's digest.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

from enclaves.agent.house import House
from enclaves.isolation.confined import run_confined
from enclaves.isolation.errors import WorkerFailed
from enclaves.isolation.limits import Limits
from enclaves.run.encryption import EncryptedWork, modulus_context, modulus_of
from enclaves.run.errors import RunRefused
from enclaves.run.papers import Papers
from policies.documents.encrypted import EncryptedWeights

_LIMITS: Final = Limits(
    address_space_bytes=2 << 30, cpu_seconds=60, wall_seconds=60.0, input_bytes=1 << 20, output_bytes=1 << 16
)


@dataclass(frozen=True, slots=True)
class HiddenPart:
    """What a department has of a part: the examiner's document, the modulus and the ciphertexts, both unparsed."""

    part: EncryptedWeights
    modulus: bytes
    ciphertexts: bytes = field(repr=False)


def open_hidden(house: House, papers: Papers) -> HiddenPart:
    """The own part of a run in mode paillier, after it was permitted. Raises RunRefused, TransportError."""
    work = papers.encrypted
    weights = work.of(house.department)
    ciphertexts = _signed_attachment(house, weights.ciphertexts)
    check_modulus_proven(house, work)
    return HiddenPart(weights, modulus_of(work.key), ciphertexts)


def check_modulus_proven(house: House, work: EncryptedWork) -> None:
    """Verify the proof of the gate's modulus, once for each key. Raises RunRefused(`modulus_refused`)."""
    digest = work.key_envelope.digest
    if house.proven.holds(digest):
        return
    key = work.key
    proof = _signed_attachment(house, key.proof)
    context = modulus_context(gate=key.gate, scenario=key.scenario, model=key.model)
    modulus = modulus_of(key)
    try:
        answers = list(
            run_confined("enclaves.worker.modulus", (modulus, proof, context), files={}, limits=_LIMITS)
        )
    except WorkerFailed:
        raise RunRefused("modulus_refused", "expected a modulus with its proof, got another") from None
    if answers != [hashlib.sha256(modulus).digest()]:
        raise RunRefused("worker_output_refused", "expected the digest of the proven modulus, got another")
    house.proven.keep(digest)


def _signed_attachment(house: House, sha256: str) -> bytes:
    data = house.wire.get_attachment(sha256)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise RunRefused("ciphertexts_mismatch", "expected the bytes whose digest was signed, got others")
    return data
