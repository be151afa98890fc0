"""Ed25519 identities: which public keys may be known at all, and what a signature by one proves.

Rules:
- A public key is 32 bytes, canonically encoded (y < p), on the curve, and of large order. OpenSSL accepts the identity
  element as a key, under which one fixed signature verifies for any message; the eight small-order points are refused at
  enrollment, in every encoding.
- A key id is the SHA-256 of the key bytes in hex. It is a hint for look-up, never a proof.

Follows RFC 8032 §5.1.7 (cofactorless verification as in OpenSSL). Key storage is left to the processes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from policies.errors import PolicyError

_P: Final = 2**255 - 19
# The least y of a point of order 8; the other is its negative in the field.
_ORDER_8_Y: Final = 2707385501144840649318225287225658788936804267575313519463743609750303402022
# y coordinates of the eight points of small order (RFC 8032 curve); each appears with either sign bit.
_SMALL_ORDER_Y: Final = frozenset(
    {
        0,
        1,
        _P - 1,
        _ORDER_8_Y,
        _P - _ORDER_8_Y,
    }
)
SIGNATURE_BYTES: Final = 64


class KeyRefused(PolicyError):
    """A public key that must not be enrolled."""

    code = "key_refused"


class SignatureInvalid(PolicyError):
    """A signature that does not verify under the key it names."""

    code = "signature_invalid"


@dataclass(frozen=True, slots=True)
class IdentityKey:
    """An enrolled Ed25519 public key: 32 bytes, canonical, of large order."""

    raw: bytes

    def __post_init__(self) -> None:
        check_public_key(self.raw)

    @property
    def keyid(self) -> str:
        """SHA-256 of the key bytes, 64 hex digits."""
        return hashlib.sha256(self.raw).hexdigest()

    @classmethod
    def from_base64(cls, text: str) -> IdentityKey:
        try:
            raw = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise KeyRefused("expected a base64 key, got other text") from None
        if base64.b64encode(raw).decode() != text:
            raise KeyRefused("expected canonical base64, got another encoding of the same bytes")
        return cls(raw)

    def to_base64(self) -> str:
        return base64.b64encode(self.raw).decode()

    def check(self, signature: bytes, message: bytes) -> None:
        """Raise `SignatureInvalid` unless `signature` (64 bytes) is this key's over `message`."""
        if len(signature) != SIGNATURE_BYTES:
            raise SignatureInvalid(f"expected a signature of {SIGNATURE_BYTES} bytes, got {len(signature)}")
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except (InvalidSignature, ValueError):
            raise SignatureInvalid(f"expected a signature by key {self.keyid[:16]}, got another") from None


def check_public_key(raw: bytes) -> None:
    """Raise `KeyRefused` for a key of wrong length, non-canonical encoding or small order."""
    if len(raw) != 32:
        raise KeyRefused(f"expected a key of 32 bytes, got {len(raw)}")
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if y >= _P:
        raise KeyRefused("expected a canonical key, got y not below the field prime")
    if y in _SMALL_ORDER_Y:
        raise KeyRefused("expected a key of large order, got a small-order point")
    if not _on_curve(y):
        raise KeyRefused("expected a point of the curve, got none")


def public_key(private: Ed25519PrivateKey) -> IdentityKey:
    """The identity key that belongs to `private`."""
    return IdentityKey(private.public_key().public_bytes_raw())


@lru_cache(maxsize=4096)
def _on_curve(y: int) -> bool:
    """Whether some x satisfies -x² + y² = 1 + d x² y² (RFC 8032 §5.1.3)."""
    d = -121665 * pow(121666, _P - 2, _P) % _P
    x2 = (y * y - 1) * pow(d * y * y + 1, _P - 2, _P) % _P
    return x2 == 0 or pow(x2, (_P - 1) // 2, _P) == 1
