"""Signatures: Ed25519 through the wrapper of every identity, ML-DSA-44 as the library verifies it."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from policies.keys import IdentityKey, KeyRefused, SignatureInvalid
from tests.vectors.published import Case, wycheproof


def accepted(raw: bytes, case: Case) -> bool:
    try:
        IdentityKey(raw).check(bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"]))
    except (SignatureInvalid, KeyRefused):
        return False
    return True


def test_identity_keys_agree_on_every_ed25519_signature() -> None:
    declared, cases = wycheproof("ed25519_test.json")
    valid = invalid = 0
    for group, case in cases:
        found = accepted(bytes.fromhex(group["publicKey"]["pk"]), case)
        assert found == (case["result"] == "valid"), case["tcId"]
        valid, invalid = valid + found, invalid + (not found)
    assert (valid, invalid, valid + invalid) == (88, 63, declared)


def verified(raw: bytes, case: Case) -> bool:
    context = bytes.fromhex(case["ctx"]) if "ctx" in case else None
    try:
        MLDSA44PublicKey.from_public_bytes(raw).verify(
            bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"]), context=context
        )
    except (InvalidSignature, ValueError):
        return False
    return True


def test_ml_dsa_44_of_the_library_agrees_on_every_signature() -> None:
    """The project signs with Ed25519 alone, so no wrapper takes these: they say what a second signature would rest on."""
    declared, cases = wycheproof("mldsa_44_verify_test.json")
    valid = invalid = 0
    for group, case in cases:
        found = verified(bytes.fromhex(group["publicKey"]), case)
        assert found == (case["result"] == "valid"), case["tcId"]
        valid, invalid = valid + found, invalid + (not found)
    assert (valid, invalid, valid + invalid) == (77, 103, declared)


@pytest.mark.parametrize("length", [0, 63, 65])
def test_signatures_of_another_length_are_invalid(length: int) -> None:
    _, cases = wycheproof("ed25519_test.json")
    group, case = next((group, case) for group, case in cases if case["result"] == "valid")
    signature = (bytes.fromhex(case["sig"]) * 2)[:length]
    assert not accepted(bytes.fromhex(group["publicKey"]["pk"]), case | {"sig": signature.hex()})
