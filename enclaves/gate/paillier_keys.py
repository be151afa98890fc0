"""The gate's Paillier keys: one pair for each model under its scenario, the secret half durable and sealed to the gate itself.

Rules:
- Whoever asks first has the key made; everybody else gets the same one. Only the examiner and the coordinator may ask, and
  only for a model that its partner has signed under that scenario.
- The factors stand in the state file sealed to the gate's own sealing key, bound to gate, scenario and model: a stolen disk
  without that key opens nothing, and a secret cannot be moved under another model.
- The gate signs modulus and proof, posts the document and puts the proof for enclaves and examiner. The key outlives jobs
  and restarts, since authorizations cite it.

Unlike a `bfv` key it opens many jobs: it opens totals only, and every contribution has fresh masks and obfuscators.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from enclaves.protocols.sealing import SealingKey, open_sealed, seal
from enclaves.run.durable import Durable
from enclaves.run.encryption import modulus_context, secret_info
from enclaves.run.errors import RunRefused
from enclaves.run.mail import text
from enclaves.transport.mailbox import Message
from policies.authorization import check_signed
from policies.documents import envelope as dsse
from policies.documents.encrypted import PaillierKey
from policies.documents.envelope import Envelope
from policies.documents.fields import instant_text
from policies.documents.model import Model
from policies.documents.trust import Role

if TYPE_CHECKING:
    from datetime import datetime

    from enclaves.gate.house import House

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS paillier_keys (
    model TEXT PRIMARY KEY, envelope BLOB NOT NULL, proof BLOB NOT NULL, secret BLOB NOT NULL
) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class MadeKey:
    """The signed document and the proof it names."""

    envelope: Envelope
    proof: bytes


class PaillierKeys:
    """Key pairs by model; a model belongs to one scenario."""

    def __init__(
        self, durable: Durable, gate: str, *, identity: Ed25519PrivateKey, sealing: SealingKey
    ) -> None:
        self._durable = durable
        self._gate = gate
        self._identity = identity
        self._sealing = sealing
        durable.define(_TABLE)

    def of(self, *, scenario: str, model: str, now: datetime) -> MadeKey:
        """The key of a model, made when first asked for, which takes seconds; durable when this returns."""
        rows = self._durable.rows("SELECT envelope, proof FROM paillier_keys WHERE model = ?", (model,))
        if not rows:
            self._make(scenario=scenario, model=model, now=now)
            return self.of(scenario=scenario, model=model, now=now)
        return MadeKey(dsse.parse(rows[0][0]), rows[0][1])

    def secret(self, key: PaillierKey) -> bytes:
        """The secret half of a key made here. Raises RunRefused(`paillier_key_missing`), SealBroken."""
        rows = self._durable.rows("SELECT envelope, secret FROM paillier_keys WHERE model = ?", (key.model,))
        if not rows or dsse.parse(rows[0][0]).digest != key.digest:
            raise RunRefused("paillier_key_missing", "expected a key that this gate made, got another")
        info = secret_info(gate=self._gate, scenario=key.scenario, model=key.model)
        return open_sealed(self._sealing, rows[0][1], info=info)

    def _make(self, *, scenario: str, model: str, now: datetime) -> None:
        # gmpy2 is loaded only by a gate that serves `paillier`. These are own numbers: nothing foreign is parsed.
        from enclaves.protocols.paillier import keys, modulus_proof

        private = keys.generate()
        context = modulus_context(gate=self._gate, scenario=scenario, model=model)
        proof = modulus_proof.prove(private, context=context).to_wire(bits=private.public.bits)
        document = PaillierKey(
            id=f"paillier-key-{model[:16]}",
            gate=self._gate,
            scenario=scenario,
            model=model,
            modulus=base64.b64encode(private.public.to_wire()).decode(),
            proof=hashlib.sha256(proof).hexdigest(),
            made_at=instant_text(now),
        )
        info = secret_info(gate=self._gate, scenario=scenario, model=model)
        sealed = seal(self._sealing.public, keys.secret_to_wire(private), info=info)
        envelope = document.envelope(self._identity).to_bytes()
        self._durable.run(
            "INSERT OR IGNORE INTO paillier_keys VALUES (?, ?, ?, ?)", (model, envelope, proof, sealed)
        )


def make_paillier_key(house: House, message: Message) -> None:
    """Answer a `paillier-key-request`: post the signed key, put its proof. Raises RunRefused, PolicyError, TransportError."""
    asker = house.trust.party(message.sender)
    if asker is None or asker.role not in {Role.EXAMINER, Role.COORDINATOR}:
        raise RunRefused("malformed", "expected a key request of examiner or coordinator, got another's")
    digest = text(message.body, "model")
    envelope = house.wire.get_document(digest)
    model = Model.read(envelope)
    check_signed(envelope, model, house.trust, revoked_keys=house.witness.halts.revoked_keys)
    if envelope.digest != digest or house.witness.halts.revoked("model", digest):
        raise RunRefused("model_mismatch", "expected a model that stands, got another")
    made = house.paillier_keys.of(scenario=model.scenario, model=digest, now=house.now())
    readers = [party.id for party in house.trust.parties if party.role in {Role.ENCLAVE, Role.EXAMINER}]
    house.wire.put_attachment(made.proof, audience=readers)
    house.wire.post_document(made.envelope)
