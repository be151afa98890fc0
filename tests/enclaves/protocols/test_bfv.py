"""BFV: exact sums, no secret in the public context, and only one shape of input accepted."""

import hashlib

import numpy as np
import pytest
import tenseal as ts

from enclaves.protocols import bfv, secagg
from enclaves.protocols.bfv import BfvKeys
from enclaves.protocols.errors import BfvRefused
from enclaves.protocols.he_parameters import BFV_SUM
from enclaves.protocols.secagg import PairKey


@pytest.fixture(scope="module")
def keys() -> BfvKeys:
    return bfv.generate()


@pytest.fixture(scope="module")
def contribution(keys: BfvKeys) -> bytes:
    return bfv.encrypt(keys.public, np.arange(5_000, dtype=np.uint64))


def pair_key(*names: str) -> PairKey:
    return PairKey(hashlib.sha256("|".join(sorted(names)).encode()).digest())


@pytest.mark.parametrize("parties", [1, 2, 3, 10])
@pytest.mark.parametrize("count", [1, 4_096, 4_097])
def test_masked_contributions_decrypt_to_the_exact_sum(keys: BfvKeys, parties: int, count: int) -> None:
    names = [f"department-{index:02d}" for index in range(parties)]
    bound = (bfv.MODULUS - 1) // (2 * parties)
    rng = np.random.default_rng(parties)
    values = {name: rng.integers(-bound, bound + 1, count) for name in names}
    contributions = []
    for name in names:
        residues = secagg.residues(values[name], modulus=bfv.MODULUS)
        pair_keys = {peer: pair_key(name, peer) for peer in names if peer != name}
        masked = secagg.mask_mod(residues, modulus=bfv.MODULUS, party=name, pair_keys=pair_keys, start=0)
        contributions.append(bfv.encrypt(keys.public, masked))
    sums = bfv.add_and_decrypt(keys.secret, contributions, count=count)
    assert np.array_equal(sums, sum(values.values()))


def test_one_contribution_alone_decrypts_to_its_mask(keys: BfvKeys) -> None:
    zeros = secagg.residues(np.zeros(4_096, dtype=np.int64), modulus=bfv.MODULUS)
    masked = secagg.mask_mod(
        zeros, modulus=bfv.MODULUS, party="a", pair_keys={"b": pair_key("a", "b")}, start=0
    )
    alone = bfv.add_and_decrypt(keys.secret, [bfv.encrypt(keys.public, masked)], count=4_096)
    assert np.array_equal(np.mod(alone, bfv.MODULUS), masked)
    assert np.count_nonzero(np.abs(alone) < 100) < 20


def test_as_many_parties_as_allowed_still_decrypt_exactly(keys: BfvKeys) -> None:
    residues = np.random.default_rng(5).integers(0, bfv.MODULUS, 4_096).astype(np.uint64)
    one = bfv.encrypt(keys.public, residues)
    sums = bfv.add_and_decrypt(keys.secret, [one] * bfv.MAX_PARTIES, count=4_096)
    assert np.array_equal(np.mod(sums, bfv.MODULUS), residues * bfv.MAX_PARTIES % bfv.MODULUS)
    with pytest.raises(BfvRefused):
        bfv.add_and_decrypt(keys.secret, [one] * (bfv.MAX_PARTIES + 1), count=4_096)
    with pytest.raises(BfvRefused):
        bfv.add_and_decrypt(keys.secret, [], count=4_096)


def test_a_slot_costs_at_most_24_bytes(keys: BfvKeys) -> None:
    residues = np.random.default_rng(6).integers(0, bfv.MODULUS, 10 * bfv.SLOTS).astype(np.uint64)
    assert len(bfv.encrypt(keys.public, residues)) <= 24 * len(residues)


def test_the_room_has_the_named_set() -> None:
    assert (BFV_SUM.parameters.slots, BFV_SUM.parameters.plain_modulus) == (bfv.SLOTS, bfv.MODULUS)
    assert bfv.MAX_PARTIES == BFV_SUM.max_parties == 64


def test_equal_values_encrypt_to_different_bytes_of_one_size(keys: BfvKeys) -> None:
    zeros = np.zeros(bfv.SLOTS, dtype=np.uint64)
    first, second = bfv.encrypt(keys.public, zeros), bfv.encrypt(keys.public, zeros)
    random = bfv.encrypt(
        keys.public, np.random.default_rng(7).integers(0, bfv.MODULUS, bfv.SLOTS).astype("<u8")
    )
    assert first != second
    # protocols.md finding 5: an all-zero column must not be told by its size.
    assert len(first) == len(second) == len(random) == bfv.FRAME_BYTES


def test_public_context_holds_a_public_key_only(keys: BfvKeys) -> None:
    context = ts.context_from(keys.public, n_threads=1)
    assert context.has_public_key()
    assert not context.has_secret_key()
    assert not context.has_relin_keys()
    assert not context.has_galois_keys()
    assert len(keys.public) < 150_000
    bfv.check_public(keys.public)


def test_secret_context_is_not_printed(keys: BfvKeys) -> None:
    assert "secret" not in repr(keys)


def test_public_context_does_not_decrypt(keys: BfvKeys, contribution: bytes) -> None:
    with pytest.raises(BfvRefused):
        bfv.add_and_decrypt(keys.public, [contribution], count=5_000)


def test_another_key_does_not_decrypt(keys: BfvKeys, contribution: bytes) -> None:
    other = bfv.generate()
    sums = bfv.add_and_decrypt(other.secret, [contribution], count=5_000)
    assert np.count_nonzero(sums == np.arange(5_000)) < 20


def foreign(scheme: ts.SCHEME_TYPE, degree: int, modulus: int, **parts: bool) -> bytes:
    context = ts.context(scheme, degree, modulus, n_threads=1)
    flags = {"save_secret_key": False, "save_galois_keys": False, "save_relin_keys": False} | parts
    serialized: bytes = context.serialize(save_public_key=True, **flags)
    return serialized


@pytest.mark.parametrize(
    "context",
    [
        pytest.param(lambda: foreign(ts.SCHEME_TYPE.BFV, 8192, bfv.MODULUS), id="larger ring"),
        pytest.param(lambda: foreign(ts.SCHEME_TYPE.BFV, 4096, 786433), id="other plain modulus"),
        pytest.param(
            lambda: ts.context(ts.SCHEME_TYPE.CKKS, 4096, -1, [40, 29, 40], n_threads=1).serialize(),
            id="ckks",
        ),
        pytest.param(
            lambda: foreign(ts.SCHEME_TYPE.BFV, 4096, bfv.MODULUS, save_secret_key=True),
            id="with a secret key",
        ),
        pytest.param(
            lambda: foreign(ts.SCHEME_TYPE.BFV, 4096, bfv.MODULUS, save_relin_keys=True),
            id="with evaluation keys",
        ),
        pytest.param(lambda: b"", id="empty"),
        pytest.param(lambda: b"\x0a\x05hello", id="garbage"),
        pytest.param(lambda: bytes(bfv.MAX_CONTEXT_BYTES + 1), id="too large"),
    ],
)
def test_foreign_contexts_of_another_shape_are_refused(context: object) -> None:
    public = context()  # type: ignore[operator]  # parametrized with callables
    with pytest.raises(BfvRefused):
        bfv.check_public(public)
    with pytest.raises(BfvRefused):
        bfv.encrypt(public, np.zeros(1, dtype=np.uint64))


def test_truncated_or_extended_contexts_are_refused(keys: BfvKeys) -> None:
    for public in (keys.public[:-1], keys.public + b"\0", keys.public[:200], keys.public[1:]):
        with pytest.raises(BfvRefused):
            bfv.check_public(public)


@pytest.mark.parametrize(
    "residues",
    [
        np.array([bfv.MODULUS], dtype=np.uint64),
        np.array([2**63], dtype=np.uint64),
        np.array([1], dtype=np.int64),
        np.array([0.5]),
        np.zeros((2, 2), dtype=np.uint64),
        np.zeros(0, dtype=np.uint64),
    ],
)
def test_only_residues_are_encrypted(keys: BfvKeys, residues: np.ndarray) -> None:
    with pytest.raises(BfvRefused):
        bfv.encrypt(keys.public, residues)


def with_length(frame: bytes) -> bytes:
    return len(frame).to_bytes(4, "little") + frame


def corruptions(contribution: bytes) -> dict[str, bytes]:
    length = int.from_bytes(contribution[:4], "little")
    first = contribution[4 : 4 + length]
    rest = contribution[4 + length :]
    return {
        "empty": b"",
        "truncated": contribution[:-1],
        "extended": contribution + b"\0",
        "a frame too few": rest,
        "a frame too many": contribution + rest,
        "an empty frame": bytes(4) + rest,
        "a frame too large": with_length(first + bytes(bfv.MAX_CIPHERTEXT_BYTES)) + rest,
        "another slot count": with_length(first[:2] + b"\x81\x20" + first[4:]) + rest,
        "another seal version": with_length(
            first.replace(b"\x5e\xa1\x10\x04\x03", b"\x5e\xa1\x10\x03\x03", 1)
        )
        + rest,
        "a length that lies": with_length(first[:-1]) + rest,
        "a body of zeros": with_length(first[:25] + bytes(max(0, len(first) - 25))) + rest,
    }


@pytest.mark.parametrize("name", corruptions(bytes(8)))
def test_malformed_contributions_are_refused(keys: BfvKeys, contribution: bytes, name: str) -> None:
    with pytest.raises(BfvRefused):
        bfv.add_and_decrypt(keys.secret, [contribution, corruptions(contribution)[name]], count=5_000)


@pytest.mark.parametrize("position", [*range(17), *range(20, 28)])
def test_a_flipped_bit_in_what_frames_a_ciphertext_is_refused(
    keys: BfvKeys, contribution: bytes, position: int
) -> None:
    # Frame length 0-3, slot count and body length 4-11, SEAL magic and version 12-16, SEAL size 20-27.
    for bit in range(8):
        changed = bytearray(contribution)
        changed[position] ^= 1 << bit
        with pytest.raises(BfvRefused):
            bfv.add_and_decrypt(keys.secret, [bytes(changed)], count=5_000)


def test_flipped_bits_in_a_ciphertext_raise_nothing_but_the_rooms_own_error(
    keys: BfvKeys, contribution: bytes
) -> None:
    """SEAL does not authenticate: a flip may be refused, change the sum or vanish in the noise. Senders sign."""
    rng = np.random.default_rng(8)
    for position in [*range(17, 20), *range(28, 60), *rng.integers(60, len(contribution), 60).tolist()]:
        changed = bytearray(contribution)
        changed[position] ^= 1 << int(rng.integers(8))
        try:
            sums = bfv.add_and_decrypt(keys.secret, [bytes(changed)], count=5_000)
        except BfvRefused:
            continue
        assert int(np.abs(sums).max()) <= bfv.MODULUS // 2
