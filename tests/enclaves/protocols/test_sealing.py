"""Sealing: what was sealed opens only with the same key, binding and bytes; checked against an own HPKE."""

import hashlib
import hmac
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cryptography_vectors
import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from enclaves.protocols import sealing
from enclaves.protocols.errors import KeyReused, ProtocolError, SealBroken
from enclaves.protocols.labels import Label
from enclaves.protocols.sealing import ScoreBinding, SealingKey, SealingPublicKey, SlotOpener, SlotSealer

INFO = Label.SECAGG_RECEIVER.value + b"run and party"
KEY = SealingKey(hashlib.sha256(b"recipient").digest())
BINDING = ScoreBinding(run=hashlib.sha256(b"run").digest(), recipient="insurer-a", expires_at=1_800_000_000)

KEM_X_WING, KDF_HKDF_SHA256, AEAD_AES_256_GCM, AEAD_CHACHA = 25722, 1, 2, 3


def x_wing_decapsulate(seed: bytes, encapsulated: bytes) -> bytes:
    """draft-connolly-cfrg-xwing-kem section 5.4, written out."""
    expanded = hashlib.shake_256(seed).digest(96)
    mlkem, x25519 = (
        MLKEM768PrivateKey.from_seed_bytes(expanded[:64]),
        X25519PrivateKey.from_private_bytes(expanded[64:]),
    )
    share = encapsulated[1088:]
    first = mlkem.decapsulate(encapsulated[:1088])
    second = x25519.exchange(X25519PublicKey.from_public_bytes(share))
    own_share = x25519.public_key().public_bytes_raw()
    return hashlib.sha3_256(first + second + share + own_share + b"\\.//^\\").digest()


def key_schedule(shared: bytes, info: bytes, aead: int, key_bytes: int) -> tuple[bytes, bytes]:
    """RFC 9180 section 5.1 in base mode with HKDF-SHA256: key and base nonce."""
    suite = b"HPKE" + b"".join(part.to_bytes(2, "big") for part in (KEM_X_WING, KDF_HKDF_SHA256, aead))

    def extract(salt: bytes, label: bytes, secret: bytes) -> bytes:
        return hmac.digest(salt, b"HPKE-v1" + suite + label + secret, "sha256")

    def expand(secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
        labeled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + context
        return hmac.digest(secret, labeled + b"\x01", "sha256")[:length]

    context = b"\0" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    secret = extract(shared, b"secret", b"")
    return expand(secret, b"key", context, key_bytes), expand(secret, b"base_nonce", context, 12)


def published_vector() -> dict[str, Any]:
    path = Path(cryptography_vectors.__file__).parent / "HPKE" / "hpke-pq-test-vectors.json"
    [vector] = [
        vector
        for vector in json.loads(path.read_text())
        if (vector["kem_id"], vector["kdf_id"]) == (KEM_X_WING, KDF_HKDF_SHA256)
    ]
    return dict(vector)


def test_published_vector_gives_the_same_public_key() -> None:
    vector = published_vector()
    assert SealingKey(bytes.fromhex(vector["skRm"])).public.raw.hex() == vector["pkRm"]


def test_own_hpke_agrees_with_the_published_vector() -> None:
    vector = {
        name: bytes.fromhex(value) for name, value in published_vector().items() if isinstance(value, str)
    }
    shared = x_wing_decapsulate(vector["skRm"], vector["enc"])
    assert shared == vector["shared_secret"]
    key, nonce = key_schedule(shared, vector["info"], AEAD_CHACHA, 32)
    assert (key, nonce) == (vector["key"], vector["base_nonce"])
    first = {name: bytes.fromhex(value) for name, value in published_vector()["encryptions"][0].items()}
    assert ChaCha20Poly1305(key).encrypt(nonce, first["pt"], first["aad"]) == first["ct"]


def test_what_we_seal_opens_with_an_own_hpke() -> None:
    sealed = sealing.seal(KEY.public, b"a receiver seed", info=INFO)
    assert len(sealed) == len(b"a receiver seed") + sealing.OVERHEAD_BYTES
    shared = x_wing_decapsulate(KEY.seed, sealed[:1120])
    key, nonce = key_schedule(shared, INFO, AEAD_AES_256_GCM, 32)
    assert AESGCM(key).decrypt(nonce, sealed[1120:], b"") == b"a receiver seed"


def test_sealed_messages_open_and_differ() -> None:
    first, second = (sealing.seal(KEY.public, b"same", info=INFO) for _ in range(2))
    assert first != second
    assert sealing.open_sealed(KEY, first, info=INFO) == b"same"


def test_keys_survive_export_and_import() -> None:
    key = SealingKey.generate()
    public = SealingPublicKey(key.public.raw)
    assert len(public.raw) == sealing.PUBLIC_BYTES
    assert len(key.seed) == sealing.PRIVATE_BYTES
    sealed = sealing.seal(public, b"x", info=INFO)
    assert sealing.open_sealed(SealingKey(key.seed), sealed, info=INFO) == b"x"
    assert SealingKey.generate() != key


def test_private_keys_are_not_printed() -> None:
    assert "seed" not in repr(KEY)


@pytest.mark.parametrize("position", [0, 500, 1087, 1088, 1119, 1120, 1135, 1136, 1139])
def test_one_flipped_byte_is_caught(position: int) -> None:
    sealed = bytearray(sealing.seal(KEY.public, b"seed", info=INFO))
    sealed[position] ^= 1
    with pytest.raises(SealBroken):
        sealing.open_sealed(KEY, bytes(sealed), info=INFO)


@pytest.mark.parametrize("sealed", [b"", bytes(10), bytes(1120), bytes(1136), bytes(2000)])
def test_other_bytes_do_not_open(sealed: bytes) -> None:
    with pytest.raises(SealBroken):
        sealing.open_sealed(KEY, sealed, info=INFO)


def test_another_info_or_key_does_not_open() -> None:
    sealed = sealing.seal(KEY.public, b"seed", info=INFO)
    with pytest.raises(SealBroken):
        sealing.open_sealed(KEY, sealed, info=INFO + b"\0")
    with pytest.raises(SealBroken):
        sealing.open_sealed(KEY, sealed, info=Label.SCORE_ENVELOPE.value + b"run and party")
    with pytest.raises(SealBroken):
        sealing.open_sealed(SealingKey.generate(), sealed, info=INFO)


@pytest.mark.parametrize("info", [b"", b"domicile-", b"another protocol\0", b"domicile-score/1"])
def test_an_info_without_a_label_is_refused(info: bytes) -> None:
    with pytest.raises(ProtocolError):
        sealing.seal(KEY.public, b"seed", info=info)
    with pytest.raises(ProtocolError):
        sealing.open_sealed(KEY, bytes(2000), info=info)


@pytest.mark.parametrize("raw", [b"", bytes(1215), bytes(1217), b"\xff" * 1216])
def test_malformed_public_keys_are_refused(raw: bytes) -> None:
    with pytest.raises(ProtocolError):
        SealingPublicKey(raw)


def test_small_order_public_key_is_refused() -> None:
    with pytest.raises(ProtocolError):
        sealing.seal(SealingPublicKey(KEY.public.raw[:1184] + bytes(32)), b"seed", info=INFO)


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(33)])
def test_malformed_private_keys_are_refused(seed: bytes) -> None:
    with pytest.raises(ProtocolError):
        SealingKey(seed)


# --- slots ----------------------------------------------------------------------------------------------------------


def test_labels_are_distinct_and_no_label_begins_another() -> None:
    values = [label.value for label in Label]
    for value in values:
        assert value.startswith(b"domicile-")
        assert value.index(b"\0") == len(value) - 1
        assert [other for other in values if other.startswith(value)] == [value]


def test_every_band_of_every_slot_opens() -> None:
    sealer = SlotSealer(KEY.public, BINDING)
    bands = bytes(range(256))
    sealed = sealer.seal_slots(bands[:100], start=0) + sealer.seal_slots(bands[100:], start=100)
    opener = SlotOpener(KEY, sealer.wrapped_key, binding=BINDING)
    slots = list(sealing.slots_of(sealed))
    assert {len(slot) for slot in slots} == {sealing.SLOT_SEALED_BYTES}
    assert bytes(opener.open_slot(slot, slot=index) for index, slot in enumerate(slots)) == bands
    opened = sealing.open_slot(KEY, sealer.wrapped_key, slots[7], slot=7, binding=BINDING)
    assert opened == 7


def test_equal_bands_seal_to_different_bytes() -> None:
    sealed = SlotSealer(KEY.public, BINDING).seal_slots(bytes(1_000), start=0)
    assert len(set(sealing.slots_of(sealed))) == 1_000


@pytest.mark.parametrize(
    "other",
    [
        replace(BINDING, run=hashlib.sha256(b"another run").digest()),
        replace(BINDING, recipient="insurer-b"),
        replace(BINDING, expires_at=BINDING.expires_at + 1),
    ],
)
def test_another_run_recipient_or_expiry_does_not_open(other: ScoreBinding) -> None:
    sealer = SlotSealer(KEY.public, BINDING)
    with pytest.raises(SealBroken):
        SlotOpener(KEY, sealer.wrapped_key, binding=other)


def test_a_slot_of_another_binding_does_not_open_even_under_the_same_content_key() -> None:
    sealer = SlotSealer(KEY.public, BINDING)
    content_key = sealing.open_sealed(
        KEY, sealer.wrapped_key, info=Label.SCORE_ENVELOPE.value + BINDING.canonical()
    )
    other = replace(BINDING, recipient="insurer-b")
    rewrapped = sealing.seal(KEY.public, content_key, info=Label.SCORE_ENVELOPE.value + other.canonical())
    sealed = sealer.seal_slots(b"\5", start=0)
    assert SlotOpener(KEY, sealer.wrapped_key, binding=BINDING).open_slot(sealed, slot=0) == 5
    with pytest.raises(SealBroken):
        SlotOpener(KEY, rewrapped, binding=other).open_slot(sealed, slot=0)


def test_another_slot_number_does_not_open() -> None:
    sealer = SlotSealer(KEY.public, BINDING)
    first, second = sealing.slots_of(sealer.seal_slots(b"\1\2", start=0))
    opener = SlotOpener(KEY, sealer.wrapped_key, binding=BINDING)
    for sealed, slot in ((first, 1), (second, 0), (first, -1), (first, 2**32)):
        with pytest.raises(SealBroken):
            opener.open_slot(sealed, slot=slot)


@pytest.mark.parametrize("position", range(sealing.SLOT_SEALED_BYTES))
def test_one_flipped_byte_of_a_slot_is_caught(position: int) -> None:
    sealer = SlotSealer(KEY.public, BINDING)
    changed = bytearray(sealer.seal_slots(b"\7", start=0))
    changed[position] ^= 1
    with pytest.raises(SealBroken):
        SlotOpener(KEY, sealer.wrapped_key, binding=BINDING).open_slot(bytes(changed), slot=0)


def test_a_slot_is_sealed_once() -> None:
    sealer = SlotSealer(KEY.public, BINDING)
    sealer.seal_slots(bytes(10), start=5)
    for start in (0, 5, 14):
        with pytest.raises(KeyReused):
            sealer.seal_slots(bytes(1), start=start)
    with pytest.raises(KeyReused):
        sealer.seal_slots(bytes(2), start=sealing.MAX_SLOTS - 1)
    sealer.seal_slots(bytes(1), start=15)


def test_slots_with_other_padding_or_version_are_refused() -> None:
    sealer = SlotSealer(KEY.public, BINDING)
    content_key = sealing.open_sealed(
        KEY, sealer.wrapped_key, info=Label.SCORE_ENVELOPE.value + BINDING.canonical()
    )
    opener = SlotOpener(KEY, sealer.wrapped_key, binding=BINDING)
    nonce = bytes(12)
    aad = Label.SCORE_SLOT.value + BINDING.canonical() + nonce
    good = AESGCM(content_key).encrypt(nonce, b"\3\1" + bytes(6), aad)
    assert opener.open_slot(good, slot=0) == 3
    for plaintext in (b"\3\2" + bytes(6), b"\3\1" + bytes(5) + b"\1"):
        with pytest.raises(SealBroken):
            opener.open_slot(AESGCM(content_key).encrypt(nonce, plaintext, aad), slot=0)


def test_a_ragged_run_of_slots_is_refused() -> None:
    with pytest.raises(ProtocolError):
        list(sealing.slots_of(bytes(25)))


@pytest.mark.parametrize(
    "fields",
    [
        {"run": bytes(31)},
        {"recipient": ""},
        {"recipient": "x" * 256},
        {"expires_at": -1},
        {"expires_at": 2**63},
    ],
)
def test_malformed_bindings_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        replace(BINDING, **fields)


def test_bindings_have_distinct_bytes() -> None:
    run = bytes(32)
    bindings = [
        ScoreBinding(run, "a", 0),
        ScoreBinding(run, "a\0", 0),
        ScoreBinding(run, "ab", 0),
        ScoreBinding(run, "a", 1 << 8),
        ScoreBinding(run[:-1] + b"\1", "a", 0),
    ]
    assert len({binding.canonical() for binding in bindings}) == len(bindings)
