"""Noised vectors as they were released, sealed: the memory that makes noise sticky.

A release is named by the digest of everything that determines it. The first answer stored under a name is the only one
there will ever be; whoever asks again gets it. Sealed with AES-GCM under a key of the domain (256 bits, random 96-bit nonces;
far fewer than 2^32 releases), its associated data the name: a row moved to another name does not open.

A row that does not open is refused, never drawn again. Source: protocols.md §2.4 (noise fixed for query and snapshot).
"""

from __future__ import annotations

import os
from typing import Final

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from numpy.typing import NDArray

from enclaves.errors import EnclaveError
from enclaves.run.durable import Durable

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_PURPOSE: Final = b"domicile/noised/1\x00"
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS noised (release BLOB PRIMARY KEY, sealed BLOB NOT NULL) WITHOUT ROWID"
)


class NoisedUnreadable(EnclaveError):
    """A stored noisy answer that does not open under this domain's key and its own name."""

    code = "noised_unreadable"


class Noised:
    """Sealed vectors in the enclave's durable file, by the 32-byte name of their release."""

    def __init__(self, durable: Durable, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise NoisedUnreadable(f"expected a key of {KEY_BYTES} bytes, got {len(key)}")
        self._durable = durable
        self._cipher: Final = AESGCM(key)
        durable.define(_TABLE)

    def find(self, name: bytes) -> NDArray[np.int64] | None:
        """The vector stored under `name`, flat; None without one. Raises NoisedUnreadable."""
        found = self._durable.rows("SELECT sealed FROM noised WHERE release = ?", (name,))
        if not found:
            return None
        sealed: bytes = found[0][0]
        try:
            packed = self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _PURPOSE + name)
        except (InvalidTag, ValueError):
            raise NoisedUnreadable("expected a stored answer that opens, got one that does not") from None
        return np.frombuffer(packed, dtype="<i8").astype(np.int64)

    def keep(self, name: bytes, vector: NDArray[np.int64]) -> None:
        """Store `vector` durably under `name` unless something stands there already."""
        nonce = os.urandom(_NONCE_BYTES)
        packed = vector.astype("<i8").tobytes()
        sealed = nonce + self._cipher.encrypt(nonce, packed, _PURPOSE + name)
        self._durable.run(
            "INSERT INTO noised (release, sealed) VALUES (?, ?) ON CONFLICT DO NOTHING", (name, sealed)
        )
