"""The gate's BFV keys: a fresh pair for each attempt of a `bfv` job, the secret half in memory and nowhere else.

A restart loses them, and with them the attempts that were under way; nobody can be asked to open these later. The same
attempt gets the same key, so that a repeated request changes nothing. A key serves one opening (protocols.md 3.3).
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from enclaves.run.errors import RunRefused
from policies.documents.envelope import Envelope
from policies.documents.job import HeKey

MAX_KEPT: Final = 64


@dataclass(frozen=True, slots=True)
class KeyPair:
    """One attempt's keys: the secret context, the public one, and the gate's signed word for it."""

    secret: bytes = field(repr=False)
    public: bytes = field(repr=False)
    envelope: Envelope


class HeKeys:
    """Key pairs by (job, attempt); the oldest go when there are too many."""

    def __init__(self, gate: str, identity: Ed25519PrivateKey) -> None:
        self._gate = gate
        self._identity = identity
        self._pairs: OrderedDict[tuple[str, int], KeyPair] = OrderedDict()

    def of(self, job: str, attempt: int) -> KeyPair:
        """The pair of an attempt, made when first asked for. Keys of earlier attempts of the job are dropped."""
        key = (job, attempt)
        if key not in self._pairs:
            for known in [k for k in self._pairs if k[0] == job]:
                del self._pairs[known]
            self._pairs[key] = self._made(job, attempt)
            while len(self._pairs) > MAX_KEPT:
                self._pairs.popitem(last=False)
        return self._pairs[key]

    def spend(self, job: str, attempt: int, digest: str | None) -> bytes:
        """The secret context for the one opening of an attempt. Raises RunRefused(`session_lost`) if it is gone."""
        pair = self._pairs.pop((job, attempt), None)
        if pair is None or pair.envelope.digest != digest:
            raise RunRefused("session_lost", "expected the key that the plan names, got none or another")
        return pair.secret

    def _made(self, job: str, attempt: int) -> KeyPair:
        # TenSEAL is loaded only by a gate that serves `bfv`. These are own bytes: nothing foreign is parsed here.
        from enclaves.protocols import bfv

        keys = bfv.generate()
        document = HeKey(
            id=f"he-key-{job[:16]}-{attempt}",
            gate=self._gate,
            job=job,
            attempt=attempt,
            context=hashlib.sha256(keys.public).hexdigest(),
        )
        return KeyPair(keys.secret, keys.public, document.envelope(self._identity))
