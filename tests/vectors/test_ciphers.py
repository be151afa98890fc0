"""Ciphers: AES-256 in counter mode through `prg`, AES-GCM and ChaCha20-Poly1305 as the project calls them."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from enclaves.agent import lineages, noised
from enclaves.protocols import prg, sealing
from tests.vectors.published import Case, responses, wycheproof


@pytest.mark.parametrize(("name", "count"), [("ECBKeySbox256", 16), ("ECBVarKey256", 256)])
def test_keystream_starts_with_the_block_of_nist(name: str, count: int) -> None:
    """AESAVS encrypts the zero block under each key: the first block of our keystream, whose counter starts at zero."""
    ran = 0
    for case in responses(f"ciphers/AES/ECB/{name}.rsp"):
        assert case["PLAINTEXT"] == bytes(16)
        assert prg.words(case["KEY"], start=0, count=2).tobytes() == case["CIPHERTEXT"]
        ran += 1
    assert ran == count


def opened(aead: AESGCM | ChaCha20Poly1305, case: Case) -> bytes | None:
    """The plaintext of a case, or None where the library refuses it."""
    nonce, aad, sealed = (bytes.fromhex(text) for text in (case["iv"], case["aad"], case["ct"] + case["tag"]))
    try:
        return aead.decrypt(nonce, sealed, aad)
    except (InvalidTag, ValueError):
        return None


def sealed_again(aead: AESGCM | ChaCha20Poly1305, case: Case) -> str:
    nonce, aad, plain = (bytes.fromhex(case[name]) for name in ("iv", "aad", "msg"))
    return aead.encrypt(nonce, plain, aad).hex()


def test_aes_gcm_as_the_project_calls_it() -> None:
    """Slots, stored noise and lineages draw their nonces and bind their own data, so the vectors go to the call they make.

    That call has keys of 256 bits and nonces of 96. Other sizes run too; nonces below 64 bits the library does not take.
    """
    assert sealing.AESGCM is noised.AESGCM is lineages.AESGCM is AESGCM
    declared, cases = wycheproof("aes_gcm_test.json")
    valid = invalid = untaken = ours = 0
    for group, case in cases:
        aead = AESGCM(bytes.fromhex(case["key"]))
        found = opened(aead, case)
        ours += (group["keySize"], group["ivSize"]) == (256, 96)
        if case["result"] == "invalid":
            assert found is None, case["tcId"]
            invalid += 1
        elif group["ivSize"] < 64 or group["ivSize"] > 1024:
            assert found is None, case["tcId"]
            untaken += 1
        else:
            assert found == bytes.fromhex(case["msg"]), case["tcId"]
            assert sealed_again(aead, case) == case["ct"] + case["tag"]
            valid += 1
    assert (valid, invalid, untaken, valid + invalid + untaken) == (202, 87, 27, declared)
    assert ours == 66


def test_chacha20_poly1305_as_the_project_calls_it() -> None:
    """Shares of a recovering run are sealed with it under derived keys; the vectors go to that call."""
    declared, cases = wycheproof("chacha20_poly1305_test.json")
    valid = invalid = 0
    for _, case in cases:
        aead = ChaCha20Poly1305(bytes.fromhex(case["key"]))
        found = opened(aead, case)
        if case["result"] == "invalid":
            assert found is None, case["tcId"]
            invalid += 1
        else:
            assert found == bytes.fromhex(case["msg"]), case["tcId"]
            assert sealed_again(aead, case) == case["ct"] + case["tag"]
            valid += 1
    assert (valid, invalid, valid + invalid) == (256, 69, declared)
