"""Oblivious pseudorandom functions: RFC 9497 with the suite ristretto255-SHA512, in its three modes.

    OPRF   the client learns F(key, input); the server learns nothing.
    VOPRF  the server also proves that it used the key that it announced.
    POPRF  a public `info` enters the function; the server proves that too.

Rules:
- Elements from the other side are `Point`s, hence strictly decoded and never the identity (RFC 9497, section 2.1).
- A client accepts no evaluation of a verifiable mode without its proof.
- Blinds and proof nonces are arguments, a fresh `Scalar.from_uniform` each; a blind that served twice links two inputs.

Between the departments the plain mode's blinding is enough, since they raise whole batches (`stages`); the verifiable
modes are for a department that serves outsiders one query at a time (protocols.md, rule 5). Counting and bounding such
queries is left to the one who offers the service.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from enclaves.protocols.alignment import proof
from enclaves.protocols.alignment.group import Point, Scalar, base_times, hash_to_point, hash_to_scalar
from enclaves.protocols.alignment.hashing import Expander
from enclaves.protocols.alignment.proof import Proof, framed
from enclaves.protocols.errors import ProtocolError

SUITE: Final = b"ristretto255-SHA512"
MAX_INPUT_BYTES: Final = 2**16 - 1


class Mode(Enum):
    """The mode's byte in the context string."""

    OPRF = 0
    VOPRF = 1
    POPRF = 2

    @property
    def context(self) -> bytes:
        """The context string of RFC 9497, section 3.1, which every tag of the mode ends with."""
        return b"OPRFV1-" + bytes([self.value]) + b"-" + SUITE


@dataclass(frozen=True, slots=True)
class ServerKey:
    """The secret key of a server in one mode."""

    mode: Mode
    secret: Scalar = field(repr=False)

    @property
    def public(self) -> Point:
        """What the server announces in the verifiable modes."""
        return base_times(self.secret)


@dataclass(frozen=True, slots=True)
class Blinded:
    """An input and its blind, which stay with the client, and the element that goes to the server."""

    text: bytes = field(repr=False)
    blind: Scalar = field(repr=False)
    element: Point


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A server's answer to a batch: elements in the order of the question, and the proof of the verifiable modes."""

    elements: tuple[Point, ...]
    proof: Proof | None = None


def derive_key(mode: Mode, seed: bytes, *, info: bytes) -> ServerKey:
    """The key of a 32-byte seed and a public `info` of at most 65535 bytes (RFC 9497, section 3.2.1)."""
    if len(seed) != 32:
        raise ProtocolError(f"expected a seed of 32 bytes, got {len(seed)}")
    expander = Expander(b"DeriveKeyPair" + mode.context)
    # The RFC's counter is for a scalar of zero, whose odds of 2^-252 are an error here.
    return ServerKey(mode, hash_to_scalar(expander, seed + framed(info) + b"\0"))


def blind(mode: Mode, text: bytes, *, scalar: Scalar) -> Blinded:
    """The client's first step for one input of at most 65535 bytes."""
    if len(text) > MAX_INPUT_BYTES:
        raise ProtocolError(f"expected at most {MAX_INPUT_BYTES} bytes of input, got {len(text)}")
    element = hash_to_point(Expander(b"HashToGroup-" + mode.context), text)
    return Blinded(text, scalar, element.times(scalar))


def evaluate(
    key: ServerKey, blinded: Sequence[Point], *, info: bytes = b"", nonce: Scalar | None = None
) -> Evaluated:
    """The server's step. `nonce` is the proof's fresh scalar: required in the verifiable modes, absent in the plain one.

    Raises ProtocolError for an empty batch, or a nonce or `info` where the mode has none.
    """
    _check_mode(key.mode, info=info, proven=nonce is not None)
    if not blinded:
        raise ProtocolError("expected at least one element, got none")
    secret = key.secret
    if key.mode is Mode.POPRF:
        secret = secret.plus(_info_scalar(info))
        factor = secret.inverse()
    else:
        factor = secret
    elements = tuple(element.times(factor) for element in blinded)
    if nonce is None:
        return Evaluated(elements)
    # In POPRF the blinded elements are `secret` times the evaluated ones, not the other way round.
    first, second = (elements, blinded) if key.mode is Mode.POPRF else (blinded, elements)
    shown = proof.prove(key.mode.context, secret, from_=first, to=second, nonce=nonce)
    return Evaluated(elements, shown)


def finalize(
    mode: Mode,
    blinded: Sequence[Blinded],
    evaluated: Evaluated,
    *,
    public: Point | None = None,
    info: bytes = b"",
) -> tuple[bytes, ...]:
    """The outputs, 64 bytes each. `public` is the server's announced key, required in the verifiable modes.

    Raises ProofInvalid if the proof does not hold, ProtocolError if it is missing or the batch has another size.
    """
    _check_mode(mode, info=info, proven=public is not None)
    if len(blinded) != len(evaluated.elements) or not blinded:
        raise ProtocolError(f"expected {len(blinded)} evaluated elements, got {len(evaluated.elements)}")
    if public is not None:
        _check_proof(mode, blinded, evaluated, public=public, info=info)
    between = framed(info) if mode is Mode.POPRF else b""
    outputs = []
    for asked, element in zip(blinded, evaluated.elements, strict=True):
        unblinded = element.times(asked.blind.inverse())
        text = framed(asked.text) + between + framed(unblinded.raw) + b"Finalize"
        outputs.append(hashlib.sha512(text).digest())
    return tuple(outputs)


def _check_proof(
    mode: Mode, blinded: Sequence[Blinded], evaluated: Evaluated, *, public: Point, info: bytes
) -> None:
    if evaluated.proof is None:
        raise ProtocolError("expected a proof in a verifiable mode, got none")
    asked = tuple(each.element for each in blinded)
    if mode is Mode.POPRF:
        tweaked = base_times(_info_scalar(info)).plus(public)
        proof.check(mode.context, evaluated.proof, public=tweaked, from_=evaluated.elements, to=asked)
    else:
        proof.check(mode.context, evaluated.proof, public=public, from_=asked, to=evaluated.elements)


def _check_mode(mode: Mode, *, info: bytes, proven: bool) -> None:
    if proven is (mode is Mode.OPRF):
        raise ProtocolError("expected a proof in the verifiable modes and none in the plain one")
    if info and mode is not Mode.POPRF:
        raise ProtocolError("expected no info outside the mode POPRF")


def _info_scalar(info: bytes) -> Scalar:
    return hash_to_scalar(Expander(b"HashToScalar-" + Mode.POPRF.context), b"Info" + framed(info))
