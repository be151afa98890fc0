"""Agreement and derivation: X25519 through `secagg.pair_key`, HKDF and HMAC as the project calls them."""

from __future__ import annotations

import hashlib
import hmac
import inspect

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from connectors import pseudonym
from connectors.store import keys
from enclaves.protocols import secagg
from enclaves.protocols.errors import ProtocolError
from enclaves.protocols.labels import Label
from enclaves.protocols.secagg import EphemeralKey, pair_key
from tests.vectors.published import wycheproof

SID = hashlib.sha256(b"a run").digest()


def derived(shared: bytes) -> bytes:
    """RFC 5869 with SHA-256 for one block, by its definition: what `pair_key` makes of a shared secret."""
    extracted = hmac.digest(SID, shared, "sha256")
    return hmac.digest(extracted, Label.SECAGG_PAIR.value + b"a\0b" + b"\1", "sha256")


def test_pair_keys_agree_with_x25519_and_small_orders_are_refused() -> None:
    """Wycheproof leaves all-zero results and twist points to the application; ours refuses the former, RFC 7748 section 6.1."""
    declared, cases = wycheproof("x25519_test.json")
    agreed = refused = 0
    for _, case in cases:
        own = EphemeralKey(bytes.fromhex(case["private"]))
        public, shared = bytes.fromhex(case["public"]), bytes.fromhex(case["shared"])
        if "ZeroSharedSecret" in case["flags"]:
            assert shared == bytes(32)
            with pytest.raises(ProtocolError):
                pair_key(own, public, sid=SID, low="a", high="b")
            refused += 1
        else:
            assert pair_key(own, public, sid=SID, low="a", high="b") == derived(shared), case["tcId"]
            agreed += 1
    assert (agreed, refused, agreed + refused) == (487, 31, declared)


def test_hkdf_as_the_project_calls_it() -> None:
    """`secagg.pair_key` and the store's keys have fixed infos and lengths, so the vectors go to the call that both make."""
    for caller in (secagg, keys):
        assert caller.HKDF is HKDF
    declared, cases = wycheproof("hkdf_sha256_test.json")
    valid = invalid = 0
    for _, case in cases:
        ikm, salt, info = (bytes.fromhex(case[name]) for name in ("ikm", "salt", "info"))
        if case["result"] == "valid":
            derivation = HKDF(algorithm=SHA256(), length=case["size"], salt=salt, info=info)
            assert derivation.derive(ikm).hex() == case["okm"], case["tcId"]
            valid += 1
        else:
            with pytest.raises(ValueError, match="larger than 8160"):
                HKDF(algorithm=SHA256(), length=case["size"], salt=salt, info=info)
            invalid += 1
    assert (valid, invalid, valid + invalid) == (83, 3, declared)


def test_store_keys_agree_with_the_vector_of_their_shape() -> None:
    """One vector has a key of 32 bytes, no salt and 32 bytes of output; the store's own derivation takes it."""
    _, cases = wycheproof("hkdf_sha256_test.json")
    ran = 0
    for _, case in cases:
        if len(case["ikm"]) == 64 and not case["salt"] and case["size"] == 32:
            made = keys._derive(bytes.fromhex(case["ikm"]), bytes.fromhex(case["info"]))
            assert made.hex() == case["okm"]
            ran += 1
    assert ran == 1


def test_hmac_as_the_project_calls_it() -> None:
    """`pseudonym.pid` fixes prefix and length, the store's pointer its text; both call `hmac.digest`, or `hmac.new`."""
    assert 'hmac.digest(key, _PREFIX + resident.encode("ascii"), "sha256")' in inspect.getsource(
        pseudonym.pid
    )
    declared, cases = wycheproof("hmac_sha256_test.json")
    valid = invalid = 0
    for group, case in cases:
        made = hmac.digest(bytes.fromhex(case["key"]), bytes.fromhex(case["msg"]), "sha256")
        equal = hmac.compare_digest(made[: group["tagSize"] // 8], bytes.fromhex(case["tag"]))
        assert equal == (case["result"] == "valid"), case["tcId"]
        valid, invalid = valid + equal, invalid + (not equal)
    assert (valid, invalid, valid + invalid) == (66, 108, declared)


def test_pseudonyms_are_hmac_by_its_definition() -> None:
    """The wrapper beside the definition in RFC 2104, one by one and in bulk."""
    key = pseudonym.PidKey(hashlib.sha256(b"a pid key").digest())
    for resident in ("60001010000", "49001010001"):
        block = key.ljust(64, b"\0")
        inner = hashlib.sha256(
            bytes(b ^ 0x36 for b in block) + b"domicile-pid\0" + resident.encode()
        ).digest()
        outer = hashlib.sha256(bytes(b ^ 0x5C for b in block) + inner).digest()
        assert pseudonym.pid(key, resident) == outer[:16]
        assert pseudonym.pids(key, [resident]).astype(">u8").tobytes() == outer[:16]
