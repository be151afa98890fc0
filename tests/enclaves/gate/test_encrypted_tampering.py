"""Mode paillier against a hostile partner, coordinator, gate and department: refused with its code, and before any parsing.

The runs are vet jobs, which need no authorization: what a score job's authorization cites is a matter of
`tests/policies/decision/test_encryption.py`. `parsed` counts every confined child that would parse a foreign number.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from enclaves.agent import encrypted_work, hidden
from enclaves.agent.sending import Vectors
from enclaves.gate import totals
from enclaves.protocols.paillier import modulus_proof
from enclaves.protocols.paillier.encrypting import encrypt_linear
from enclaves.protocols.paillier.errors import PaillierRefused
from enclaves.run.encryption import modulus_context
from policies.documents.authorization import Mode
from policies.documents.encrypted import EncryptedWeights, Encryption, PaillierKey, WeightsCitation
from policies.documents.job import Plan
from tests.enclaves.agent.district import NAMES, Body, District, resident
from tests.enclaves.agent.encrypted import encrypted_district, head_of, hidden_part, key_of
from tests.enclaves.agent.relay import Line
from tests.enclaves.protocols.paillier.kit import full

PEOPLE = [resident(number) for number in range(60)]
Parsed = list[str]


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return encrypted_district(tmp_path_factory.mktemp("district"), NAMES[:2])


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> Parsed:
    """Targets of the confined children that were started."""
    started: Parsed = []
    for module in (hidden, encrypted_work, totals):
        real: Callable[..., Any] = module.run_confined

        def counted(target: str, *args: Any, real: Callable[..., Any] = real, **more: Any) -> Any:
            started.append(target)
            return real(target, *args, **more)

        monkeypatch.setattr(module, "run_confined", counted)
    return started


def begin(district: District, **changes: Any) -> tuple[Plan, Body]:
    job = district.job(district.consent(PEOPLE), mode=Mode.PAILLIER, vet=True, **changes)
    plan, body = district.plan(job)
    district.start(plan, body)
    return plan, body


def contributions(district: District, plan: Plan) -> None:
    district.relay_bundles(plan)
    district.relay_transcripts(plan)


def weights_of(district: District) -> list[EncryptedWeights]:
    assert district.encryption is not None
    return [EncryptedWeights.read(district.relay.documents[c.digest]) for c in district.encryption.weights]


def cited(
    district: District, key: PaillierKey, weights: list[EncryptedWeights], *, signer: str = "examiner"
) -> Encryption:
    """Post what a job shall cite, and let the enclaves read the ciphertexts it names."""
    for item in weights:
        district.post(item, signer)
    lines = tuple(WeightsCitation(department=w.department, digest=w.digest) for w in weights)
    return Encryption(key=key.digest, weights=lines)


def under(district: District, key: PaillierKey) -> Encryption:
    """The examiner's weights as if encrypted under `key`, which the gate signs."""
    district.post(key, "gate")
    return cited(district, key, [w.model_copy(update={"key": key.digest}) for w in weights_of(district)])


def attached(district: District, data: bytes) -> str:
    readers = [f"enclave-{name}" for name in district.domains]
    return Line(district.relay, "gate").put_attachment(data, audience=readers)


def test_ciphertexts_swapped_on_the_way_are_refused_before_anything_is_parsed(
    district: District, parsed: Parsed
) -> None:
    first, second = weights_of(district)
    kept = dict(district.relay.attachments)
    for changed in (
        kept[second.ciphertexts][0],
        b"",
        bytes(len(kept[first.ciphertexts][0])),
        kept[first.ciphertexts][0][:-1] + b"\0",
    ):
        district.relay.attachments[first.ciphertexts] = (changed, kept[first.ciphertexts][1])
        plan, _ = begin(district)
        assert district.refusals(plan) == ["ciphertexts_mismatch"]
    district.relay.attachments.update(kept)
    assert "enclaves.worker.encrypted_score" not in parsed


@pytest.mark.req("RQ-289")
def test_unit_vector_ciphertexts_that_the_partner_signed_are_refused_before_anything_is_parsed(
    district: District, parsed: Parsed
) -> None:
    # The partner encrypts what it likes under the public key, and signs it itself (attack A1).
    unit = hidden_part("hospital").model_copy(
        update={
            "features": tuple(
                f.model_copy(update={"weight": "0.001" if f.column != "sex" else "1"})
                for f in hidden_part("hospital").features
            )
        }
    )
    head = head_of(unit)
    model = district.model.model_copy(update={"parts": (head, *district.model.parts[1:])})
    forged = encrypt_linear(
        unit, model=model, key=key_of(district), public=full().public, examiner="examiner"
    )
    body = forged.weights.model_copy(
        update={"model": district.model.digest, "part": district.model.parts[0].digest}
    )
    attached(district, forged.ciphertexts)
    encryption = cited(district, key_of(district), [body, weights_of(district)[1]], signer="partner")
    plan, _ = begin(district, encryption=encryption)
    assert district.refusals(plan) == ["signatures_missing"] * 2
    assert parsed == []


def test_a_gadget_ciphertext_in_an_examiners_part_is_found_before_it_is_parsed(
    district: District, parsed: Parsed
) -> None:
    # c = B^j instead of a weight (attack A12): the attachment's digest is signed, that of its entries is another's.
    first, second = weights_of(district)
    data = bytearray(district.relay.attachments[first.ciphertexts][0])
    data[-768:] = (1 << 4096).to_bytes(768, "big")
    gadget = first.model_copy(update={"ciphertexts": attached(district, bytes(data))})
    plan, _ = begin(district, encryption=cited(district, key_of(district), [gadget, second]))
    assert district.refusals(plan) == []
    contributions(district, plan)
    assert district.refusals(plan) == ["part_not_signed"]


def test_the_key_of_another_model_is_refused_before_anything_is_parsed(
    district: District, parsed: Parsed
) -> None:
    other = key_of(district).model_copy(update={"id": "other", "model": "a" * 64})
    plan, _ = begin(district, encryption=under(district, other))
    assert district.refusals(plan) == ["encryption_mismatch"] * 2
    assert parsed == []


def test_a_modulus_without_its_proof_is_refused_and_no_ciphertext_is_parsed(
    district: District, parsed: Parsed
) -> None:
    key = key_of(district)
    proof = bytearray(district.relay.attachments[key.proof][0])
    proof[10_000] ^= 1
    # The last is a true proof of this modulus, for another model.
    context = modulus_context(gate=key.gate, scenario=key.scenario, model="b" * 64)
    others = modulus_proof.prove(full(), context=context).to_wire(bits=3072)
    for changed in (bytes(proof), b"", others):
        bad = key.model_copy(update={"id": "bad", "proof": attached(district, changed)})
        plan, _ = begin(district, encryption=under(district, bad))
        assert district.refusals(plan) == ["modulus_refused"] * 2
    assert set(parsed) == {"enclaves.worker.modulus"}


def test_a_modulus_with_a_small_factor_is_refused_and_no_ciphertext_is_parsed(
    district: District, parsed: Parsed
) -> None:
    key = key_of(district)
    n = 3 * ((1 << 3071) // 3 | 1)
    modulus = base64.b64encode(n.to_bytes(384, "big")).decode()
    bad = key.model_copy(update={"id": "small-factor", "modulus": modulus})
    plan, _ = begin(district, encryption=under(district, bad))
    assert district.refusals(plan) == ["modulus_refused"] * 2
    assert set(parsed) == {"enclaves.worker.modulus"}


def test_the_proof_of_a_modulus_is_verified_once_for_a_key(district: District, parsed: Parsed) -> None:
    begin(district)
    begin(district)
    assert parsed.count("enclaves.worker.modulus") <= 2
    again = list(parsed)
    begin(district)
    assert parsed == again


def test_an_altered_contribution_is_refused_before_it_is_parsed(district: District, parsed: Parsed) -> None:
    plan, body = begin(district)
    contributions(district, plan)
    assert district.refusals(plan) == []
    (vector,) = district.relay.said("contribution", plan.sid.hex())[0].attachments
    data, readers = district.relay.attachments[vector]
    district.relay.attachments[vector] = (data[:-1] + bytes([data[-1] ^ 1]), readers)
    district.open(plan, body)
    assert district.refusals(plan) == ["vector_mismatch"]
    assert district.relay.said("release", plan.sid.hex()) == []


@pytest.mark.parametrize("kind", ["zeros", "short", "others"])
def test_what_a_hostile_enclave_signs_instead_of_its_vector_opens_nothing(
    district: District, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    real = encrypted_work.work_encrypted
    kept: list[bytes] = []

    def hostile(house: Any, live: Any, granted: Any, **more: Any) -> Vectors:
        found = real(house, live, granted, **more)
        if house.department != "hospital":
            return found
        own = house.wire.get_attachment(found.digests[0])
        kept.append(own)
        # Its own row twice: valid ciphertexts, but the masks of the second slot stand on none of the first.
        made = {"zeros": bytes(len(own)), "short": own[:-768], "others": own[:768] * 2 + own[1536:]}[kind]
        return replace(found, digests=(house.wire.put_attachment(made, audience=("gate",)),))

    monkeypatch.setattr("enclaves.agent.contributing.work_encrypted", hostile)
    plan, body = begin(district)
    contributions(district, plan)
    assert district.refusals(plan) == []
    district.open(plan, body)
    expected = "order_invalid" if kind == "short" else "paillier_refused"
    assert district.refusals(plan) == [expected]
    assert district.relay.said("release", plan.sid.hex()) == []
    assert len(kept) == 1


def test_the_gate_makes_no_key_for_a_partner(district: District) -> None:
    before = [d for d, e in district.relay.documents.items() if e.kind == "paillier-key"]
    other = district.model.model_copy(update={"id": "another"})
    district.post(other, "partner")
    district.relay.mail("gate", "paillier-key-request", {"model": other.digest}, sender="partner")
    district.pump()
    assert [d for d, e in district.relay.documents.items() if e.kind == "paillier-key"] == before


def test_a_part_whose_digest_gives_its_weights_away_is_not_encrypted(district: District) -> None:
    """The naive way first: the head's digest of a part without a blind, tried against every weight it could have."""
    naive = hidden_part("hospital", whole_points=True, blind=None)
    digest, tried = naive.digest, 0
    found = None
    for visits in range(-20, 21):
        for sex in range(-20, 21):
            tried += 1
            weights = (f"{visits / 20:g}", f"{sex / 20:g}")
            guess = naive.model_copy(
                update={
                    "features": tuple(
                        f.model_copy(update={"weight": "0" if w == "-0" else w})
                        for f, w in zip(naive.features, weights, strict=True)
                    )
                }
            )
            if guess.digest == digest:
                found = weights
    assert (found, tried) == (("-0.1", "0.9"), 41 * 41)
    model = district.model.model_copy(update={"parts": (head_of(naive), *district.model.parts[1:])})
    with pytest.raises(PaillierRefused, match="tried out"):
        encrypt_linear(naive, model=model, key=key_of(district), public=full().public, examiner="examiner")
