"""The boot key: drawn at start, kept in memory, certified by the identity key; it signs what is said within runs.

A restart draws another, so nothing signed before a crash can be continued after it (design.md section 6).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from policies.documents.envelope import Envelope
from policies.documents.fields import instant_text
from policies.documents.run import Boot
from policies.keys import public_key


@dataclass(frozen=True, slots=True)
class BootKey:
    """A boot key and its certificate."""

    private: Ed25519PrivateKey = field(repr=False)
    certificate: Envelope

    @classmethod
    def draw(cls, party: str, identity: Ed25519PrivateKey, *, now: datetime) -> Self:
        """A fresh key of `party`."""
        private = Ed25519PrivateKey.generate()
        key = public_key(private)
        boot = Boot(
            id=f"boot-{key.keyid[:16]}", party=party, key=key.to_base64(), started_at=instant_text(now)
        )
        return cls(private, boot.envelope(identity))
