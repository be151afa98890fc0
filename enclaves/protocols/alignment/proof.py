"""Proofs that two lists of elements differ by one secret factor, the one behind a public key (RFC 9497, section 2.2).

A Chaum-Pedersen proof over a random combination of the batch, made non-interactive by hashing: one proof of 64 bytes for
any number of pairs. It shows to[i] = secret · from_[i] for every i and public = secret · generator.

Rules:
- The nonce is fresh and secret; used for two proofs it would give the secret away.
- Both lists, the key and the order of the pairs enter the challenge; a proof fits no other batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final, Self

from enclaves.protocols.alignment.errors import PointInvalid, ProofInvalid
from enclaves.protocols.alignment.group import SCALAR_BYTES, Point, Scalar, base_times, hash_to_scalar
from enclaves.protocols.alignment.hashing import Expander
from enclaves.protocols.errors import ProtocolError

MAX_PAIRS: Final = 2**16 - 1
MAX_FRAMED: Final = 2**16 - 1
PROOF_BYTES: Final = 2 * SCALAR_BYTES


@dataclass(frozen=True, slots=True)
class Proof:
    """Challenge and response."""

    challenge: Scalar
    response: Scalar

    def to_bytes(self) -> bytes:
        """64 bytes: challenge, then response."""
        return self.challenge.raw + self.response.raw

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """The inverse of `to_bytes`; raises ProofInvalid for other bytes."""
        if len(raw) != PROOF_BYTES:
            raise ProofInvalid(f"expected a proof of {PROOF_BYTES} bytes, got {len(raw)}")
        try:
            return cls(Scalar(raw[:SCALAR_BYTES]), Scalar(raw[SCALAR_BYTES:]))
        except PointInvalid:
            raise ProofInvalid("expected a proof of two scalars, got other bytes") from None


def prove(
    context: bytes, secret: Scalar, *, from_: Sequence[Point], to: Sequence[Point], nonce: Scalar
) -> Proof:
    """The proof that every `to` is `secret` times its `from_`, under the context string of the mode."""
    public = base_times(secret)
    combined = _combined(_weights(context, public, from_=from_, to=to), from_)
    challenge = _challenge(
        context, public, combined, combined.times(secret), base_times(nonce), combined.times(nonce)
    )
    return Proof(challenge, nonce.minus(challenge.times(secret)))


def check(
    context: bytes, proof: Proof, *, public: Point, from_: Sequence[Point], to: Sequence[Point]
) -> None:
    """Raises ProofInvalid unless `proof` shows that the secret behind `public` leads from each `from_` to its `to`."""
    weights = _weights(context, public, from_=from_, to=to)
    try:
        before, after = _combined(weights, from_), _combined(weights, to)
        on_key = base_times(proof.response).plus(public.times(proof.challenge))
        on_batch = before.times(proof.response).plus(after.times(proof.challenge))
    except PointInvalid:
        # A combination that is the identity: of honest inputs this has odds of 2^-252.
        raise ProofInvalid("expected a proof over elements other than the identity, got another") from None
    if _challenge(context, public, before, after, on_key, on_batch) != proof.challenge:
        raise ProofInvalid("expected elements evaluated under the announced key, got others")


def framed(data: bytes) -> bytes:
    """I2OSP(length, 2) || data, as the transcripts of RFC 9497 write byte strings."""
    if len(data) > MAX_FRAMED:
        raise ProtocolError(f"expected at most {MAX_FRAMED} bytes, got {len(data)}")
    return len(data).to_bytes(2, "big") + data


def _weights(
    context: bytes, public: Point, *, from_: Sequence[Point], to: Sequence[Point]
) -> tuple[Scalar, ...]:
    """The factors of the random combination, which nobody can choose after the elements (ComputeComposites)."""
    if len(from_) != len(to) or not 1 <= len(from_) <= MAX_PAIRS:
        raise ProtocolError(f"expected two lists of 1 to {MAX_PAIRS} elements, got others")
    seed = hashlib.sha512(framed(public.raw) + framed(b"Seed-" + context)).digest()
    expander = _to_scalar(context)
    return tuple(
        hash_to_scalar(
            expander,
            framed(seed) + place.to_bytes(2, "big") + framed(before.raw) + framed(after.raw) + b"Composite",
        )
        for place, (before, after) in enumerate(zip(from_, to, strict=True))
    )


def _combined(weights: Sequence[Scalar], elements: Sequence[Point]) -> Point:
    return reduce(Point.plus, (e.times(w) for e, w in zip(elements, weights, strict=True)))


def _challenge(context: bytes, *elements: Point) -> Scalar:
    transcript = b"".join(framed(element.raw) for element in elements) + b"Challenge"
    return hash_to_scalar(_to_scalar(context), transcript)


def _to_scalar(context: bytes) -> Expander:
    return Expander(b"HashToScalar-" + context)
