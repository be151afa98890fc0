"""Mode paillier on the side of people: the examiner encrypts a vetted model's parts; submitters cite what it signed.

Rules:
- The examiner verifies the gate's signature, the proof's digest and the proof before it encrypts anything.
- Every part is encrypted anew, over a base of its own; a model may be encrypted again, and the newest documents are cited.
- What is cited of a model names one key and one document for each of its parts; otherwise nothing is cited yet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from enclaves.run.encryption import modulus_context, modulus_of
from policies.authorization import check_signed
from policies.documents.authorization import Authorization, Mode
from policies.documents.encrypted import EncryptedWeights, Encryption, PaillierKey, WeightsCitation
from policies.documents.model import LinearPart, Model, Part
from policies.documents.trust import Role
from policies.errors import PolicyError
from sandbox.client.errors import InputMalformed, NothingYet
from sandbox.client.member import Member

KEY_REQUEST = "paillier-key-request"


def request_key(member: Member, model: str) -> None:
    """Ask the gate for the key of a model; it posts the same one whoever asks, and however often."""
    member.endpoint.send(member.trust.sole(Role.GATE).id, KEY_REQUEST, {"model": model})


def key_of(member: Member, model: str) -> PaillierKey:
    """The gate's signed key for a model. Raises NothingYet while there is none."""
    for line in member.endpoint.documents(PaillierKey.kind):
        envelope = member.endpoint.get_document(line.digest)
        key = PaillierKey.read(envelope)
        if key.model == model:
            check_signed(envelope, key, member.trust)
            return key
    raise NothingYet("expected the gate's key for this model, got none yet; it is made when asked for")


def encrypt_parts(member: Member, model: str, parts: Sequence[Part]) -> Encryption:
    """Encrypt every part under the model's key, put ciphertexts for each enclave, sign and post the documents.

    Raises NothingYet without a key; InputMalformed for a key whose proof does not hold, a graph, or a part that cannot be
    computed under encryption.
    """
    # gmpy2 is loaded only by an examiner that encrypts.
    from enclaves.protocols.errors import ProtocolError
    from enclaves.protocols.paillier.encrypting import encrypt_linear
    from enclaves.protocols.paillier.modulus_proof import receive_key

    head, key = member.document(Model, model), key_of(member, model)
    linear = [part for part in parts if isinstance(part, LinearPart)]
    if len(linear) != len(parts):
        raise InputMalformed("expected linear parts: a graph cannot be computed under encryption")
    proof = member.endpoint.get_attachment(key.proof)
    if hashlib.sha256(proof).hexdigest() != key.proof:
        raise InputMalformed("expected the proof whose digest the gate signed, got another")
    context = modulus_context(gate=key.gate, scenario=head.scenario, model=model)
    try:
        public = receive_key(modulus_of(key), proof, context=context)
        made = [
            encrypt_linear(part, model=head, key=key, public=public, examiner=member.party) for part in linear
        ]
    except (ProtocolError, PolicyError) as error:
        raise InputMalformed(f"encryption: {error}") from None
    for item in made:
        enclave = member.trust.enclave_of(item.weights.department)
        readers = [] if enclave is None else [enclave.id]
        member.endpoint.put_attachment(item.ciphertexts, audience=readers)
        member.submit_document(item.weights)
    return _cited(key.digest, [item.weights for item in made])


def encryption_of(member: Member, model: str) -> Encryption:
    """What a job over this model cites: the newest encrypted weights of every part, all under one key.

    Raises NothingYet while the examiner has not encrypted all of them.
    """
    head = member.document(Model, model)
    newest: dict[str, EncryptedWeights] = {}
    for line in member.endpoint.documents(EncryptedWeights.kind):
        envelope = member.endpoint.get_document(line.digest)
        weights = EncryptedWeights.read(envelope)
        if weights.model == model:
            check_signed(envelope, weights, member.trust)
            newest[weights.department] = weights
    departments = [part.department for part in head.parts]
    keys = {weights.key for weights in newest.values()}
    if sorted(newest) != departments or len(keys) != 1:
        raise NothingYet("expected encrypted weights of every part under one key, got some of them or none")
    return _cited(keys.pop(), [newest[department] for department in departments])


def encryption_digests(member: Member, model: str, digests: Iterable[str | None]) -> list[str]:
    """Those of `digests` that are encrypted weights of this model, signed by `member`."""
    found = []
    for digest in digests:
        envelope = member.endpoint.get_document(str(digest))
        weights = EncryptedWeights.read(envelope)
        check_signed(envelope, weights, member.trust)
        if weights.model == model and weights.examiner == member.party:
            found.append(envelope.digest)
    return found


def encryption_for(member: Member, *, mode: Mode, model: str, authorization: str | None) -> Encryption | None:
    """What a job in `mode` cites: of a score job what its authorization does, of a vet job what the examiner made."""
    if mode is not Mode.PAILLIER:
        return None
    if authorization is None:
        return encryption_of(member, model)
    cited = member.document(Authorization, authorization).encryption
    if cited is None:
        raise InputMalformed("expected an authorization that permits mode paillier, got another")
    return cited


def _cited(key: str, weights: Sequence[EncryptedWeights]) -> Encryption:
    lines = sorted((item.department, item.digest) for item in weights)
    return Encryption(
        key=key,
        weights=tuple(WeightsCitation(department=department, digest=digest) for department, digest in lines),
    )
