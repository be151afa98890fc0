"""TenSEAL contexts of a named parameter set: made here, or accepted if they equal it to the byte.

Rules:
- A foreign context is compared with the project's parameters byte by byte before SEAL parses a key of it. After parsing it
  must hold a public key and no secret, relinearization or Galois keys, and for CKKS the set's scale.
- One thread: TenSEAL would start one for each processor, in a worker that has its processors assigned.
- Whatever TenSEAL raises becomes the refusal of the scheme's room. SEAL's parser is still not trusted with hostile input:
  callers verify the sender's signature first and parse in a confined child (protocols.md rule 3). A child serves one
  order and ends, so what SEAL's memory pool holds is recycled with every job, long before the thousandth.

SEAL serializes parameters deterministically, which the comparison rests on. Sums are `bfv` and `ckks`.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NewType, TypeVar

from enclaves.protocols.errors import ProtocolError
from enclaves.protocols.he_frames import FIELD_2, MAX_CONTEXT_BYTES, varint
from enclaves.protocols.he_parameters import HeParameters, Scheme

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import tenseal as ts

PublicContext = NewType("PublicContext", bytes)
SecretContext = NewType("SecretContext", bytes)

_SCHEMES: Final = {Scheme.BFV: ts.SCHEME_TYPE.BFV, Scheme.CKKS: ts.SCHEME_TYPE.CKKS}

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class ContextPair:
    """The gate's key pair for one job, serialized. `secret` never leaves the gate and its confined child."""

    secret: SecretContext = field(repr=False)
    public: PublicContext


@dataclass(frozen=True, slots=True)
class Contexts:
    """The contexts of one parameter set, and the error that refuses all others."""

    parameters: HeParameters
    refused: type[ProtocolError]

    def generate(self) -> ContextPair:
        """A fresh key pair; randomness comes from SEAL, which seeds itself from the operating system."""
        context = _new_context(self.parameters)
        return ContextPair(
            secret=SecretContext(_serialize(context, secret=True)),
            public=PublicContext(_serialize(context, secret=False)),
        )

    def load_public(self, serialized: bytes) -> Any:
        """A context that holds a public key and nothing else. Raises `refused`."""
        self._check_bytes(serialized)
        # After the parameters a public context has one field, the public part; secret keys live in a later field.
        length, body = varint(serialized, len(_prefix(self.parameters)) + 1, refused=self.refused)
        if body + length != len(serialized):
            raise self.refused("expected a public context, got one with a further part")
        return self._parsed(serialized, secret=False)

    def load_secret(self, serialized: bytes) -> Any:
        """A context that also holds the secret key. Raises `refused`."""
        self._check_bytes(serialized)
        return self._parsed(serialized, secret=True)

    def guarded(self, act: Callable[[], Result]) -> Result:
        """Run a TenSEAL call; its exceptions are many and untyped, and none may pass this room."""
        try:
            return act()
        except (
            ValueError,
            RuntimeError,
            TypeError,
            IndexError,
            OverflowError,
            AttributeError,
            MemoryError,
        ) as error:
            raise self.refused(
                f"expected input that the library accepts, got {type(error).__name__}"
            ) from None

    def _check_bytes(self, serialized: bytes) -> None:
        """The parameters must be ours to the byte, and a public part must follow."""
        if len(serialized) > MAX_CONTEXT_BYTES:
            raise self.refused(
                f"expected a context of at most {MAX_CONTEXT_BYTES} bytes, got {len(serialized)}"
            )
        if not serialized.startswith(_prefix(self.parameters) + FIELD_2):
            degree, scheme = self.parameters.degree, self.parameters.scheme.value
            raise self.refused(f"expected the project's {scheme} parameters of N={degree}, got others")

    def _parsed(self, serialized: bytes, *, secret: bool) -> Any:
        context = self.guarded(lambda: ts.context_from(serialized, n_threads=1))
        if context.has_secret_key() is not secret or not context.has_public_key():
            raise self.refused(
                f"expected a context with{'' if secret else 'out'} a secret key, got the other kind"
            )
        if context.has_galois_keys() or context.has_relin_keys():
            raise self.refused("expected no evaluation keys, got some")
        scale_bits = self.parameters.scale_bits
        if scale_bits is not None and self.guarded(lambda: context.global_scale) != 2.0**scale_bits:
            raise self.refused(f"expected the scale 2^{scale_bits}, got another")
        return context


def added(vectors: Sequence[Any]) -> Any:
    """The sum of encrypted vectors of one context, added into the first of them; to be called under `guarded`."""
    total = vectors[0]
    for vector in vectors[1:]:
        total.add_(vector)
    return total


@functools.cache
def _prefix(parameters: HeParameters) -> bytes:
    """The leading bytes of every accepted context: field 1, which holds the parameters."""
    serialized = _serialize(_new_context(parameters), secret=False)
    length, body = varint(serialized, 1, refused=ProtocolError)
    return serialized[: body + length]


def _new_context(parameters: HeParameters) -> Any:
    scheme, degree = _SCHEMES[parameters.scheme], parameters.degree
    if parameters.scheme is Scheme.BFV:
        # SEAL's own default modulus for the ring: primes of 36, 36 and 37 bits.
        return ts.context(
            scheme, poly_modulus_degree=degree, plain_modulus=parameters.plain_modulus, n_threads=1
        )
    context = ts.context(
        scheme,
        poly_modulus_degree=degree,
        plain_modulus=-1,
        coeff_mod_bit_sizes=list(parameters.primes),
        n_threads=1,
    )
    context.global_scale = 2.0 ** (parameters.scale_bits or 0)
    return context


def _serialize(context: Any, *, secret: bool) -> bytes:
    serialized: bytes = context.serialize(
        save_public_key=True, save_secret_key=secret, save_galois_keys=False, save_relin_keys=False
    )
    return serialized
