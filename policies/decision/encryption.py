"""Facts about encrypted weights: signed by gate and examiner, of this model, and those the authorization cites.

A job in another mode cites nothing, and there is nothing that could be wrong. In mode paillier what is missing stays an
absent fact and denies; a part of another form than linear cannot be read as encrypted weights, and is missing too.

Attacks A1 (a unit vector hidden in ciphertexts) and A12 (gadget ciphertexts) of protocols.md section 1.2 end here: only what
the examiner signed is ever parsed.
"""

from __future__ import annotations

from collections.abc import Iterator

from policies.decision.dossier import Dossier, Finding, all_signed, digest_of
from policies.documents.encrypted import EncryptedWeights, Encryption, PaillierKey
from policies.documents.model import Model
from policies.documents.trust import Role
from policies.fixed_point import intercept_bound, weight_bound


def encryption_facts(dossier: Dossier) -> Iterator[Finding]:
    """The key and the weights that the job cites."""
    job, authorization = dossier.job, dossier.authorization
    if job is None:
        return
    if authorization is not None:
        allowed = job.encryption in (None, authorization.encryption)
        yield Finding("weights_authorized", allowed, "authorization.encryption")
    if job.encryption is None:
        yield Finding("weights_signed", True)
        yield Finding("weights_match", True)
        return
    yield _signed(dossier)
    if dossier.key is not None and dossier.weights is not None and dossier.model is not None:
        yield _match(dossier, job.encryption, dossier.key, weights=dossier.weights, model=dossier.model)


def _signed(dossier: Dossier) -> Finding:
    case = dossier.case
    found: bool | None = True
    for name, kind, envelopes in (
        ("key", PaillierKey, () if case.key is None else (case.key,)),
        ("weights", EncryptedWeights, case.weights),
    ):
        found, place = all_signed(name, kind, envelopes, case=case)
        if not found:
            return Finding("weights_signed", found, place)
    return Finding("weights_signed", found)


def _match(
    dossier: Dossier,
    cited: Encryption,
    key: PaillierKey,
    *,
    weights: tuple[EncryptedWeights, ...],
    model: Model,
) -> Finding:
    """Key and weights are the cited ones, made for this very model, one for each of its parts."""
    trust = dossier.case.trust
    ours = (digest_of(model), model.scenario)
    given = {item.department: digest_of(item) for item in weights}
    comparisons = [
        ("job.encryption.key", digest_of(key) == cited.key),
        ("job.encryption.weights", given == {item.department: item.digest for item in cited.weights}),
        ("job.encryption.weights", cited.departments == tuple(part.department for part in model.parts)),
        ("key.model", (key.model, key.scenario) == ours),
        ("key.gate", key.gate == trust.sole(Role.GATE).id),
    ]
    for item in weights:
        place = f"weights.{item.department}"
        comparisons += [
            (f"{place}.model", (item.model, item.scenario) == ours),
            (f"{place}.key", item.key == cited.key),
            (f"{place}.partner", item.partner == model.partner),
            (f"{place}.part", _is_of_part(item, model)),
        ]
    failed = next((place for place, holds in comparisons if not holds), None)
    return Finding("weights_match", failed is None, failed)


def _is_of_part(weights: EncryptedWeights, model: Model) -> bool:
    """Of the part the head names, with the bounds that follow from its ends."""
    head = model.part(weights.department)
    return (
        head is not None
        and (weights.part, weights.dataset) == (head.digest, head.dataset)
        and (weights.weight_bound, weights.intercept_bound) == (weight_bound(head), intercept_bound(head))
    )
