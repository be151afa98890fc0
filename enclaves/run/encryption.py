"""What a job in mode paillier cites beside its model: the gate's key and every department's encrypted weights, read.

Documents only. Who signed them is decided by `policies.decision` from the envelopes; ciphertexts, modulus and proof are
parsed in confined workers, after that.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass

from enclaves.protocols.labels import Label
from enclaves.run.errors import RunRefused
from policies.documents.encrypted import EncryptedWeights, Encryption, PaillierKey
from policies.documents.envelope import Envelope


@dataclass(frozen=True, slots=True)
class EncryptedWork:
    """Key and weights as envelopes, and read; weights in the order of the citation."""

    key_envelope: Envelope
    key: PaillierKey
    weights_envelopes: tuple[Envelope, ...]
    weights: tuple[EncryptedWeights, ...]

    def of(self, department: str) -> EncryptedWeights:
        """A department's weights. Raises RunRefused(`weights_missing`)."""
        for item in self.weights:
            if item.department == department:
                return item
        raise RunRefused("weights_missing", "expected encrypted weights of this department, got none")


def gather_encrypted(cited: Encryption, fetch: Callable[[str], Envelope]) -> EncryptedWork:
    """Fetch and read what is cited. Raises what `fetch` does, and PolicyError for a body of another kind."""
    key = fetch(cited.key)
    weights = tuple(fetch(item.digest) for item in cited.weights)
    return EncryptedWork(key, PaillierKey.read(key), weights, tuple(map(EncryptedWeights.read, weights)))


def modulus_of(key: PaillierKey) -> bytes:
    """The bytes of the modulus, not parsed."""
    return base64.b64decode(key.modulus)


def modulus_context(*, gate: str, scenario: str, model: str) -> bytes:
    """What a proof of the modulus is bound to: a proof for one model holds for no other."""
    return Label.PAILLIER_KEY.value + b"\0".join(name.encode() for name in (gate, scenario, model))


def secret_info(*, gate: str, scenario: str, model: str) -> bytes:
    """HPKE info of the secret half, which the gate seals to itself."""
    return Label.PAILLIER_SECRET.value + b"\0".join(name.encode() for name in (gate, scenario, model))
