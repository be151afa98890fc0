"""Sealing to a recipient's key: HPKE for single messages, one wrapped content key and an AEAD per slot for scores.

Rules:
- One suite: X-Wing (ML-KEM-768 with X25519), HKDF-SHA256, AES-256-GCM, base mode (RFC 9180 with the X-Wing KEM). It
  holds against a recorder with a later quantum computer as long as either half holds.
- Base mode authenticates nobody: the sender signs what it seals, elsewhere.
- `info` starts with a label of the table in `labels`; a seal opens only under the same label and binding.
- Scores: a fresh 32-byte content key per run, sealed once with info = label || binding. Slot k is AES-256-GCM under
  that key with the slot number as 12-byte nonce, so a nonce never repeats; label, binding and slot are authenticated.
- Every slot seals to the same 24 bytes, whatever it holds; an empty slot looks like a full one.

Follows protocols.md section 9.2. Which slots exist, and who a slot is, this room does not know.
"""

import hashlib
import secrets
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NewType, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from enclaves.protocols.errors import KeyReused, ProtocolError, SealBroken
from enclaves.protocols.labels import Label

PUBLIC_BYTES: Final = 1216
PRIVATE_BYTES: Final = 32
# X-Wing encapsulation (1120 bytes) and the AES-GCM tag.
OVERHEAD_BYTES: Final = 1136
CONTENT_KEY_BYTES: Final = 32
SLOT_PLAIN_BYTES: Final = 8
SLOT_SEALED_BYTES: Final = 24
MAX_SLOTS: Final = 1 << 32

_MLKEM_PUBLIC_BYTES: Final = 1184
_SLOT_VERSION: Final = 1
_SUITE: Final = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
# Slots below this value are bands; the largest marks a slot that was not accepted and carries no score.
EMPTY_BAND: Final = 255

SealedSlot = NewType("SealedSlot", bytes)


@dataclass(frozen=True, slots=True)
class SealingPublicKey:
    """A recipient's X-Wing public key: 1184 bytes of ML-KEM-768, then 32 of X25519."""

    raw: bytes

    def __post_init__(self) -> None:
        """Raises ProtocolError unless `raw` is a well-formed key."""
        if len(self.raw) != PUBLIC_BYTES:
            raise ProtocolError(f"expected a public key of {PUBLIC_BYTES} bytes, got {len(self.raw)}")
        self._parsed()

    def _parsed(self) -> hpke.MLKEM768X25519PublicKey:
        try:
            return hpke.MLKEM768X25519PublicKey(
                MLKEM768PublicKey.from_public_bytes(self.raw[:_MLKEM_PUBLIC_BYTES]),
                X25519PublicKey.from_public_bytes(self.raw[_MLKEM_PUBLIC_BYTES:]),
            )
        except ValueError:
            raise ProtocolError("expected an X-Wing public key, got other bytes") from None


@dataclass(frozen=True, slots=True)
class SealingKey:
    """A recipient's X-Wing private key, kept as its 32-byte seed (draft-connolly-cfrg-xwing-kem, section 5.2)."""

    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Raises ProtocolError unless `seed` has 32 bytes."""
        if len(self.seed) != PRIVATE_BYTES:
            raise ProtocolError(f"expected a private key of {PRIVATE_BYTES} bytes, got {len(self.seed)}")

    @classmethod
    def generate(cls) -> Self:
        """A fresh key; a key from given randomness is `SealingKey(seed)`."""
        return cls(secrets.token_bytes(PRIVATE_BYTES))

    @property
    def public(self) -> SealingPublicKey:
        """The public key that belongs to the seed."""
        mlkem, x25519 = self._halves()
        return SealingPublicKey(
            mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()
        )

    def _halves(self) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
        expanded = hashlib.shake_256(self.seed).digest(96)
        return (
            MLKEM768PrivateKey.from_seed_bytes(expanded[:64]),
            X25519PrivateKey.from_private_bytes(expanded[64:]),
        )

    def _parsed(self) -> hpke.MLKEM768X25519PrivateKey:
        return hpke.MLKEM768X25519PrivateKey(*self._halves())


def seal(public: SealingPublicKey, plaintext: bytes, *, info: bytes) -> bytes:
    """`plaintext` sealed to `public`, 1136 bytes longer. `info` must start with a label of the table.

    Raises ProtocolError for an unlabeled info or a small-order key.
    """
    _check_info(info)
    try:
        return _SUITE.encrypt(plaintext, public._parsed(), info=info)
    except ValueError:
        raise ProtocolError("expected a public key of full order, got another") from None


def open_sealed(private: SealingKey, sealed: bytes, *, info: bytes) -> bytes:
    """The plaintext of `sealed`. Raises SealBroken if key, info or any byte is not the one it was sealed with."""
    _check_info(info)
    try:
        return _SUITE.decrypt(sealed, private._parsed(), info=info)
    except (InvalidTag, ValueError):
        raise SealBroken("expected a message sealed to this key and binding, got another") from None


@dataclass(frozen=True, slots=True)
class ScoreBinding:
    """What a sealed score is bound to: the run id (32 bytes), the recipient, and its expiry in Unix seconds."""

    run: bytes
    recipient: str
    expires_at: int

    def __post_init__(self) -> None:
        if len(self.run) != 32:
            raise ProtocolError(f"expected a run id of 32 bytes, got {len(self.run)}")
        if not 0 <= self.expires_at < 1 << 63:
            raise ProtocolError(f"expected an expiry in Unix seconds, got {self.expires_at}")
        if not 1 <= len(_name(self.recipient)) <= 255:
            raise ProtocolError("expected a recipient of 1 to 255 bytes")

    def canonical(self) -> bytes:
        """run || u8 length || recipient || u64 expiry, big-endian: no two bindings share these bytes."""
        name = _name(self.recipient)
        return self.run + bytes([len(name)]) + name + struct.pack(">Q", self.expires_at)


class SlotSealer:
    """Seals the slots of one run to one recipient, each slot number once and in ascending order."""

    __slots__ = ("_aad", "_aead", "_next_slot", "_wrapped")

    def __init__(self, public: SealingPublicKey, binding: ScoreBinding) -> None:
        # Drawn here and kept nowhere else: a content key that served two runs would repeat nonces.
        content_key = secrets.token_bytes(CONTENT_KEY_BYTES)
        self._wrapped: Final = seal(public, content_key, info=_envelope_info(binding))
        self._aead: Final = AESGCM(content_key)
        self._aad: Final = _slot_prefix(binding)
        self._next_slot = 0

    @property
    def wrapped_key(self) -> bytes:
        """The content key sealed to the recipient, 1168 bytes; it travels beside the slots."""
        return self._wrapped

    def seal_slots(self, bands: bytes, *, start: int) -> bytes:
        """The slots start .. start+len-1, 24 bytes each; `bands` holds one band (0..255) a byte.

        Raises KeyReused if `start` lies before a slot that is already sealed: its nonce is spent.
        """
        if start < self._next_slot or start + len(bands) > MAX_SLOTS:
            raise KeyReused(f"expected slots from {self._next_slot} up, got {start}")
        self._next_slot = start + len(bands)
        encrypt, aad = self._aead.encrypt, self._aad
        return b"".join(
            [
                encrypt(nonce := slot.to_bytes(12, "big"), _PLAINTEXTS[band], aad + nonce)
                for slot, band in enumerate(bands, start)
            ]
        )


class SlotOpener:
    """Opens the slots of one run for the recipient that they are sealed to."""

    __slots__ = ("_aad", "_aead")

    def __init__(self, private: SealingKey, wrapped_key: bytes, *, binding: ScoreBinding) -> None:
        """Raises SealBroken if the content key is not sealed to this key under this binding."""
        content_key = open_sealed(private, wrapped_key, info=_envelope_info(binding))
        if len(content_key) != CONTENT_KEY_BYTES:
            raise SealBroken(f"expected a content key of {CONTENT_KEY_BYTES} bytes, got {len(content_key)}")
        self._aead: Final = AESGCM(content_key)
        self._aad: Final = _slot_prefix(binding)

    def open_slot(self, sealed: bytes, *, slot: int) -> int:
        """The band of `slot`, 0..255. Raises SealBroken for any other slot's bytes or an altered one."""
        if len(sealed) != SLOT_SEALED_BYTES or not 0 <= slot < MAX_SLOTS:
            raise SealBroken(f"expected {SLOT_SEALED_BYTES} bytes of a sealed slot, got {len(sealed)}")
        nonce = slot.to_bytes(12, "big")
        try:
            plaintext = self._aead.decrypt(nonce, sealed, self._aad + nonce)
        except InvalidTag:
            raise SealBroken("expected a slot sealed under this binding and number, got another") from None
        if plaintext != _PLAINTEXTS[plaintext[0]]:
            raise SealBroken(f"expected a slot of version {_SLOT_VERSION}, got another")
        return plaintext[0]


def open_slot(
    private: SealingKey, wrapped_key: bytes, sealed: bytes, *, slot: int, binding: ScoreBinding
) -> int:
    """The band of one slot; for many slots of a run a `SlotOpener` opens the content key once."""
    return SlotOpener(private, wrapped_key, binding=binding).open_slot(sealed, slot=slot)


def slots_of(sealed: bytes) -> Iterable[SealedSlot]:
    """The sealed slots in order. Raises ProtocolError unless they fill `sealed` exactly."""
    if len(sealed) % SLOT_SEALED_BYTES:
        raise ProtocolError(f"expected a multiple of {SLOT_SEALED_BYTES} bytes, got {len(sealed)}")
    for at in range(0, len(sealed), SLOT_SEALED_BYTES):
        yield SealedSlot(sealed[at : at + SLOT_SEALED_BYTES])


# Every plaintext a slot can have: band, version, zero padding.
_PLAINTEXTS: Final = tuple(bytes([band, _SLOT_VERSION]) + bytes(SLOT_PLAIN_BYTES - 2) for band in range(256))


def _name(recipient: str) -> bytes:
    return recipient.encode("utf-8", errors="surrogatepass")


def _envelope_info(binding: ScoreBinding) -> bytes:
    return Label.SCORE_ENVELOPE.value + binding.canonical()


def _slot_prefix(binding: ScoreBinding) -> bytes:
    return Label.SCORE_SLOT.value + binding.canonical()


def _check_info(info: bytes) -> None:
    """Every sealed message names its purpose; an unlabeled one could be opened as something else."""
    if not info.startswith(_LABELS):
        raise ProtocolError("expected an info that starts with a label of the table, got another")


_LABELS: Final = tuple(label.value for label in Label)
