"""Sealing: HPKE in base mode (RFC 9180) and ML-KEM-768, through `sealing`'s keys where a vector has their shape."""

from __future__ import annotations

from typing import TypeAlias

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from enclaves.protocols import sealing
from enclaves.protocols.errors import ProtocolError
from enclaves.protocols.sealing import SealingKey, SealingPublicKey
from tests.vectors import published
from tests.vectors.published import Case, wycheproof

KDFS = {1: hpke.KDF.HKDF_SHA256, 3: hpke.KDF.HKDF_SHA512}
AEADS = {1: hpke.AEAD.AES_128_GCM, 2: hpke.AEAD.AES_256_GCM, 3: hpke.AEAD.CHACHA20_POLY1305}
KEMS = {0x10: hpke.KEM.P256, 0x12: hpke.KEM.P521, 0x20: hpke.KEM.X25519}
X_WING = 0x647A
BASE = 0

Private: TypeAlias = X25519PrivateKey | ec.EllipticCurvePrivateKey | hpke.MLKEM768X25519PrivateKey


def private_key(case: Case) -> Private:
    raw = bytes.fromhex(case["skRm"])
    if case["kem_id"] == 0x20:
        return X25519PrivateKey.from_private_bytes(raw)
    curve = ec.SECP256R1() if case["kem_id"] == 0x10 else ec.SECP521R1()
    return ec.derive_private_key(int.from_bytes(raw, "big"), curve)


def aead_of(case: Case) -> AESGCM | ChaCha20Poly1305:
    key = bytes.fromhex(case["key"])
    return ChaCha20Poly1305(key) if case["aead_id"] == 3 else AESGCM(key)


def check_suite(suite: hpke.Suite, private: Private, case: Case) -> None:
    """The published message opens under the published key, and what is sealed under that key opens with `suite`.

    The library's `Suite` takes no associated data, which every message of the vectors has: so the first message is sealed
    again without it under the vector's own key and nonce, and `suite` must arrive at both from the encapsulation.
    """
    aead, nonce, first = aead_of(case), bytes.fromhex(case["base_nonce"]), case["encryptions"][0]
    plain = bytes.fromhex(first["pt"])
    assert aead.decrypt(nonce, bytes.fromhex(first["ct"]), bytes.fromhex(first["aad"])) == plain
    sealed = bytes.fromhex(case["enc"]) + aead.encrypt(nonce, plain, None)
    info = bytes.fromhex(case["info"])
    assert suite.decrypt(sealed, private, info=info) == plain
    for changed, bound in ((sealed, info + b"\0"), (sealed[:-1] + bytes([sealed[-1] ^ 1]), info)):
        with pytest.raises(InvalidTag):
            suite.decrypt(changed, private, info=bound)


def test_base_mode_arrives_at_the_keys_of_rfc_9180() -> None:
    """The project's one suite is X-Wing's; what it shares with RFC 9180 is the library's `Suite`, here in its other suites."""
    ran = 0
    for case in published.hpke("test-vectors.json"):
        if case["mode"] == BASE and case["kem_id"] in KEMS and case["aead_id"] in AEADS:
            suite = hpke.Suite(KEMS[case["kem_id"]], KDFS[case["kdf_id"]], AEADS[case["aead_id"]])
            check_suite(suite, private_key(case), case)
            ran += 1
    assert ran == 18


def test_own_keys_arrive_at_the_published_key_of_x_wing() -> None:
    """The wheel has X-Wing with HKDF-SHA256 under ChaCha20-Poly1305; ours differs in the cipher, so its suite is named here.

    AES-256-GCM is compared with a reference of the key schedule in tests/enclaves/protocols/test_sealing.py.
    """
    cases = [
        c for c in published.hpke("hpke-pq-test-vectors.json") if (c["kem_id"], c["kdf_id"]) == (X_WING, 1)
    ]
    assert len(cases) == 1
    for case in cases:
        key = SealingKey(bytes.fromhex(case["skRm"]))
        assert key.public.raw.hex() == case["pkRm"]
        suite = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, AEADS[case["aead_id"]])
        check_suite(suite, key._parsed(), case)


def test_ml_kem_768_decapsulates_as_published_and_public_keys_pass_the_wrapper() -> None:
    """A `SealingKey` expands its own seed, so a vector's 64 bytes go to the call it makes; its public key to the wrapper."""
    declared, cases = wycheproof("mlkem_768_test.json")
    share = X25519PrivateKey.from_private_bytes(bytes(range(32))).public_key().public_bytes_raw()
    valid = invalid = wrapped = 0
    for _, case in cases:
        seed, encapsulated = bytes.fromhex(case["seed"]), bytes.fromhex(case["c"])
        if case["result"] == "invalid":
            with pytest.raises(ValueError, match=r".+"):
                MLKEM768PrivateKey.from_seed_bytes(seed).decapsulate(encapsulated)
            invalid += 1
            continue
        key = MLKEM768PrivateKey.from_seed_bytes(seed)
        assert key.decapsulate(encapsulated).hex() == case["K"], case["tcId"]
        if "ek" in case:
            assert key.public_key().public_bytes_raw().hex() == case["ek"]
            assert len(SealingPublicKey(bytes.fromhex(case["ek"]) + share).raw) == sealing.PUBLIC_BYTES
            wrapped += 1
        valid += 1
    assert (valid, invalid, valid + invalid) == (153, 40, declared)
    assert wrapped > 100


def test_public_keys_whose_coefficients_are_not_reduced_are_refused() -> None:
    """FIPS 203 section 7.2: the modulus check; one coefficient of 3329 or more in the first two bytes."""
    raw = bytearray(SealingKey(bytes(32)).public.raw)
    raw[0], raw[1] = 0xFF, raw[1] | 0x0F
    with pytest.raises(ProtocolError):
        SealingPublicKey(bytes(raw))
