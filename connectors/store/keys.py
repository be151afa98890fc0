"""Keys of one domain store: each data set has its own, drawn from the store key.

HKDF-SHA-256 (RFC 5869) without salt over the 32-byte store key; the info text separates purposes and data sets.
"""

from __future__ import annotations

from typing import Final, NewType

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from connectors.errors import StoreError

SnapshotKey = NewType("SnapshotKey", bytes)
PointerKey = NewType("PointerKey", bytes)
LedgerKey = NewType("LedgerKey", bytes)

KEY_BYTES: Final = 32


def check_store_key(key: bytes) -> None:
    """Raise `StoreError` unless `key` has 32 bytes."""
    if len(key) != KEY_BYTES:
        raise StoreError(f"expected a store key of {KEY_BYTES} bytes, got {len(key)}")


def snapshot_key(store_key: bytes, dataset_id: str) -> SnapshotKey:
    """The key every snapshot file of a data set is encrypted with."""
    return SnapshotKey(_derive(store_key, b"domicile-snapshot\0" + dataset_id.encode()))


def pointer_key(store_key: bytes, dataset_id: str) -> PointerKey:
    """The key that authenticates a data set's pointer."""
    return PointerKey(_derive(store_key, b"domicile-pointer\0" + dataset_id.encode()))


def ledger_key(store_key: bytes, purpose: str) -> LedgerKey:
    """The key that seals what a domain remembers of released answers, for one purpose."""
    return LedgerKey(_derive(store_key, b"domicile-ledger\0" + purpose.encode()))


def _derive(store_key: bytes, info: bytes) -> bytes:
    check_store_key(store_key)
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(store_key)
