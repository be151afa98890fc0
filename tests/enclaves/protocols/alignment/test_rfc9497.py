"""Every vector of RFC 9497 for ristretto255-SHA512 (appendix A.1), byte for byte, and what a verifiable mode refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from enclaves.protocols.alignment.errors import ProofInvalid
from enclaves.protocols.alignment.group import ORDER, Point, Scalar
from enclaves.protocols.alignment.oprf import (
    Blinded,
    Evaluated,
    Mode,
    ServerKey,
    blind,
    derive_key,
    evaluate,
    finalize,
)
from enclaves.protocols.alignment.proof import Proof, prove
from enclaves.protocols.errors import ProtocolError

ROOT = Path(__file__).parents[4]
NONCE = Scalar.from_uniform(bytes(range(64)))
SEED = bytes([0xA3]) * 32


def vectors() -> list[dict[str, Any]]:
    """The vectors of cfrg/draft-irtf-cfrg-voprf, kept beside the repository (poc/vectors/allVectors.json)."""
    path = ROOT.parent / "shared" / "vectors" / "rfc9497" / "allVectors.json"
    if not path.exists():
        pytest.skip("expected ../shared/vectors/rfc9497/allVectors.json, got no such file")
    suites: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))
    return [suite for suite in suites if suite["identifier"] == "ristretto255-SHA512"]


def many(text: str) -> list[bytes]:
    return [bytes.fromhex(part) for part in text.split(",")]


def asked_of(mode: Mode, vector: dict[str, Any]) -> list[Blinded]:
    pairs = zip(many(vector["Input"]), many(vector["Blind"]), strict=True)
    return [blind(mode, text, scalar=Scalar(raw)) for text, raw in pairs]


def test_every_vector_of_the_suite_is_reproduced() -> None:
    ran = []
    for suite in vectors():
        mode = Mode(suite["mode"])
        assert b"HashToGroup-" + mode.context == bytes.fromhex(suite["groupDST"])
        key = derive_key(mode, bytes.fromhex(suite["seed"]), info=bytes.fromhex(suite["keyInfo"]))
        assert key.secret.raw.hex() == suite["skSm"]
        assert mode is Mode.OPRF or key.public.raw.hex() == suite["pkSm"]
        for vector in suite["vectors"]:
            check_vector(key, vector)
            ran.append(mode)

    assert {mode: ran.count(mode) for mode in Mode} == {Mode.OPRF: 2, Mode.VOPRF: 3, Mode.POPRF: 3}


def check_vector(key: ServerKey, vector: dict[str, Any]) -> None:
    asked = asked_of(key.mode, vector)
    info = bytes.fromhex(vector.get("Info", ""))
    shown = vector.get("Proof")
    nonce = Scalar(bytes.fromhex(shown["r"])) if shown else None

    assert [each.element.raw for each in asked] == many(vector["BlindedElement"])
    answer = evaluate(key, [each.element for each in asked], info=info, nonce=nonce)
    assert [each.raw for each in answer.elements] == many(vector["EvaluationElement"])
    if shown:
        assert answer.proof is not None
        assert answer.proof.to_bytes().hex() == shown["proof"]
    public = key.public if shown else None
    assert list(finalize(key.mode, asked, answer, public=public, info=info)) == many(vector["Output"])


def questions(mode: Mode, count: int = 3) -> list[Blinded]:
    return [blind(mode, bytes([n]), scalar=Scalar.from_uniform(bytes([n + 1]) * 64)) for n in range(count)]


@pytest.mark.parametrize("mode", [Mode.VOPRF, Mode.POPRF])
def test_an_evaluation_under_another_key_is_refused(mode: Mode) -> None:
    announced, used = derive_key(mode, SEED, info=b"a"), derive_key(mode, SEED, info=b"b")
    asked = questions(mode)
    answer = evaluate(used, [each.element for each in asked], nonce=NONCE)

    with pytest.raises(ProofInvalid):
        finalize(mode, asked, answer, public=announced.public)
    assert len(finalize(mode, asked, answer, public=used.public)) == 3


@pytest.mark.parametrize("mode", [Mode.VOPRF, Mode.POPRF])
def test_two_swapped_elements_or_one_replaced_element_are_refused(mode: Mode) -> None:
    key = derive_key(mode, SEED, info=b"a")
    asked = questions(mode)
    answer = evaluate(key, [each.element for each in asked], nonce=NONCE)
    first, second, third = answer.elements

    for elements in ((second, first, third), (first, second, first)):
        with pytest.raises(ProofInvalid):
            finalize(mode, asked, Evaluated(elements, answer.proof), public=key.public)


@pytest.mark.parametrize("at", [0, 31, 32, 63])
def test_one_flipped_bit_of_a_proof_is_refused(at: int) -> None:
    key = derive_key(Mode.VOPRF, SEED, info=b"a")
    asked = questions(Mode.VOPRF)
    answer = evaluate(key, [each.element for each in asked], nonce=NONCE)
    assert answer.proof is not None
    raw = bytearray(answer.proof.to_bytes())
    raw[at] ^= 1

    with pytest.raises(ProofInvalid):
        finalize(
            Mode.VOPRF,
            asked,
            Evaluated(answer.elements, Proof.from_bytes(bytes(raw))),
            public=key.public,
        )


@pytest.mark.parametrize("raw", [b"", bytes(64), b"\xff" * 64, bytes(63), bytes(65)])
def test_bytes_that_are_no_proof_are_refused(raw: bytes) -> None:
    with pytest.raises(ProofInvalid):
        Proof.from_bytes(raw)


def test_a_proof_whose_combination_is_the_identity_is_refused() -> None:
    """Only who knows the key can make one; it must not become an error of another kind."""
    key = derive_key(Mode.VOPRF, SEED, info=b"a")
    asked = questions(Mode.VOPRF, 1)
    answer = evaluate(key, [asked[0].element], nonce=NONCE)
    minus_one = Scalar((ORDER - 1).to_bytes(32, "little"))
    forged = Proof(NONCE, NONCE.times(key.secret).times(minus_one))

    with pytest.raises(ProofInvalid):
        finalize(Mode.VOPRF, asked, Evaluated(answer.elements, forged), public=key.public)


def test_a_proof_over_lists_of_different_lengths_is_refused() -> None:
    key = derive_key(Mode.VOPRF, SEED, info=b"a")
    elements = [each.element for each in questions(Mode.VOPRF)]
    for from_, to in ((elements, elements[:2]), ([], [])):
        with pytest.raises(ProtocolError):
            prove(Mode.VOPRF.context, key.secret, from_=from_, to=to, nonce=NONCE)


def test_another_info_is_another_function_and_its_proof_does_not_hold() -> None:
    key = derive_key(Mode.POPRF, SEED, info=b"a")
    asked = questions(Mode.POPRF)
    answer = evaluate(key, [each.element for each in asked], info=b"one", nonce=NONCE)

    with pytest.raises(ProofInvalid):
        finalize(Mode.POPRF, asked, answer, public=key.public, info=b"two")


def test_proofs_and_infos_stand_only_where_their_mode_has_them() -> None:
    plain, verifiable = derive_key(Mode.OPRF, SEED, info=b""), derive_key(Mode.VOPRF, SEED, info=b"")
    asked = questions(Mode.VOPRF)
    elements = [each.element for each in asked]

    for refused in (
        lambda: evaluate(plain, elements, nonce=NONCE),
        lambda: evaluate(plain, elements, info=b"info"),
        lambda: evaluate(verifiable, elements),
        lambda: evaluate(plain, []),
        lambda: finalize(Mode.VOPRF, asked, evaluate(verifiable, elements, nonce=NONCE)),
        lambda: finalize(Mode.VOPRF, asked, evaluate(plain, elements), public=verifiable.public),
        lambda: finalize(Mode.OPRF, asked, evaluate(plain, elements[:2])),
        lambda: derive_key(Mode.OPRF, SEED[:31], info=b""),
        lambda: derive_key(Mode.OPRF, SEED, info=bytes(65536)),
        lambda: blind(Mode.OPRF, bytes(65536), scalar=NONCE),
    ):
        with pytest.raises(ProtocolError):
            refused()


def test_the_output_does_not_depend_on_the_blind() -> None:
    key = derive_key(Mode.OPRF, SEED, info=b"")
    outputs = set()
    for n in range(1, 5):
        asked = [blind(Mode.OPRF, b"text", scalar=Scalar.from_uniform(bytes([n]) * 64))]
        outputs.add(finalize(Mode.OPRF, asked, evaluate(key, [asked[0].element])))

    assert len(outputs) == 1
    assert isinstance(asked[0].element, Point)
