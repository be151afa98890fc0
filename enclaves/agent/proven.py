"""Keys whose modulus this enclave has seen proven: it takes seconds, and once is enough for a key that is named by digest."""

from __future__ import annotations

from typing import Final

from enclaves.run.durable import Durable

_TABLE: Final = "CREATE TABLE IF NOT EXISTS proven_keys (key TEXT PRIMARY KEY) WITHOUT ROWID"


class ProvenKeys:
    """Digests of `paillier-key` documents."""

    def __init__(self, durable: Durable) -> None:
        self._durable = durable
        durable.define(_TABLE)

    def holds(self, digest: str) -> bool:
        """Whether the modulus of this key was proven here."""
        return bool(self._durable.rows("SELECT 1 FROM proven_keys WHERE key = ?", (digest,)))

    def keep(self, digest: str) -> None:
        """Remember that it was; durable when this returns."""
        self._durable.run("INSERT OR IGNORE INTO proven_keys VALUES (?)", (digest,))
