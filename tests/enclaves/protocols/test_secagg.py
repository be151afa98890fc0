"""Masked sums: one driver plays every party; the sum is exact and everything less than the whole is noise."""

import hashlib
import hmac
import itertools
from dataclasses import replace

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from enclaves.protocols import prg, ring, secagg
from enclaves.protocols.errors import CommitmentMismatch, ProtocolError
from enclaves.protocols.ring import Encoded, Masked
from enclaves.protocols.secagg import EphemeralKey, PairKey, ReceiverKey, Residues

SID = hashlib.sha256(b"plan").digest()
MODULUS = 1_032_193
ROSTERS = [1, 2, 3, 10]


def seed(*parts: object) -> bytes:
    return hashlib.sha256(repr(parts).encode()).digest()


def roster(parties: int) -> list[str]:
    return [f"department-{index:02d}" for index in range(parties)]


def keys_of(names: list[str], *, sid: bytes = SID, run: int = 0) -> dict[str, dict[str, PairKey]]:
    """Every party derives its pair keys from its own private and the others' public keys."""
    private = {name: EphemeralKey(seed("ephemeral", name, run)) for name in names}
    return {
        name: {
            peer: secagg.pair_key(
                private[name], private[peer].public, sid=sid, low=min(name, peer), high=max(name, peer)
            )
            for peer in names
            if peer != name
        }
        for name in names
    }


def receivers_of(names: list[str], *, run: int = 0) -> dict[str, ReceiverKey]:
    return {name: ReceiverKey(seed("receiver", name, run)) for name in names}


def inputs(names: list[str], slots: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(len(names))
    return {name: rng.integers(-(2**40), 2**40, slots) for name in names}


def contributions(
    names: list[str],
    values: dict[str, np.ndarray],
    *,
    sid: bytes = SID,
    run: int = 0,
    start: int = 0,
) -> dict[str, Masked]:
    pair_keys, receiver_keys = keys_of(names, sid=sid, run=run), receivers_of(names, run=run)
    return {
        name: secagg.mask(
            ring.encode(values[name]),
            party=name,
            pair_keys=pair_keys[name],
            receiver_key=receiver_keys[name],
            start=start,
        )
        for name in names
    }


@pytest.mark.parametrize("parties", ROSTERS)
def test_masks_cancel_exactly(parties: int) -> None:
    names = roster(parties)
    values = inputs(names, 5_000)
    total = secagg.open_sum(contributions(names, values), receiver_keys=receivers_of(names), start=0)
    assert np.array_equal(ring.decode(total), sum(values.values()))


@pytest.mark.parametrize("parties", ROSTERS)
def test_chunked_equals_unchunked(parties: int) -> None:
    names = roster(parties)
    values = inputs(names, 40_003)
    whole = contributions(names, values)
    cuts = [0, 1, 32_769, 40_003]
    for start, stop in itertools.pairwise(cuts):
        part = contributions(names, {name: v[start:stop] for name, v in values.items()}, start=start)
        for name in names:
            assert np.array_equal(part[name], whole[name][start:stop])
        total = secagg.open_sum(part, receiver_keys=receivers_of(names), start=start)
        assert np.array_equal(ring.decode(total), sum(v[start:stop] for v in values.values()))


@pytest.mark.parametrize("parties", [1, 2, 3])
def test_contribution_follows_the_formula(parties: int) -> None:
    names = roster(parties)
    values = inputs(names, 7)
    pair_keys = keys_of(names)
    for name, masked in contributions(names, values, start=3).items():
        for slot in range(7):
            expected = int(values[name][slot])
            expected += int(prg.words(receivers_of(names)[name], start=3 + slot, count=1)[0])
            for peer, key in pair_keys[name].items():
                word = int(prg.words(key, start=3 + slot, count=1)[0])
                expected += word if peer > name else -word
            assert int(masked[slot]) == expected % 2**64


def test_both_sides_of_a_pair_derive_the_same_key_and_pairs_differ() -> None:
    keys = keys_of(roster(3))
    for name, peers in keys.items():
        for peer, key in peers.items():
            assert keys[peer][name] == key
    assert len({key for peers in keys.values() for key in peers.values()}) == 3


def test_identical_plan_with_other_keys_gives_different_contributions() -> None:
    names = roster(3)
    values = inputs(names, 1_000)
    first, second = contributions(names, values, run=0), contributions(names, values, run=1)
    for name in names:
        assert not np.any(first[name] == second[name])


def is_noise(total: np.ndarray) -> bool:
    """Values below 2^44 would all have 20 equal top bits; uniform words do not, save once in 2^20."""
    return int(np.count_nonzero(np.abs(ring.decode(total)) < 2**44)) <= 3


def test_one_party_with_another_sid_spoils_the_sum() -> None:
    names = roster(3)
    values = inputs(names, 1_000)
    other = contributions(names, values, sid=hashlib.sha256(b"plan with one bit changed").digest())
    mixed = contributions(names, values) | {names[1]: other[names[1]]}
    assert is_noise(secagg.open_sum(mixed, receiver_keys=receivers_of(names), start=0))


def test_absent_party_leaves_noise() -> None:
    names = roster(3)
    sent = contributions(names, inputs(names, 1_000))
    survivors = {name: sent[name] for name in names[:2]}
    receiver_keys = {name: receivers_of(names)[name] for name in names[:2]}
    assert is_noise(secagg.open_sum(survivors, receiver_keys=receiver_keys, start=0))


@pytest.mark.parametrize("parties", ROSTERS)
def test_without_the_receiver_keys_the_sum_is_noise(parties: int) -> None:
    names = roster(parties)
    sent = contributions(names, inputs(names, 1_000))
    assert is_noise(ring.Total(ring.add(sent.values(), slots=1_000)))


def test_wrong_start_leaves_noise() -> None:
    names = roster(2)
    sent = contributions(names, inputs(names, 1_000))
    assert is_noise(secagg.open_sum(sent, receiver_keys=receivers_of(names), start=1))


def test_masked_zeros_are_uniform_bytes() -> None:
    names = roster(3)
    sent = contributions(names, {name: np.zeros(200_000, dtype=np.int64) for name in names})
    for masked in sent.values():
        counts = np.bincount(masked.view(np.uint8), minlength=256)
        expected = counts.sum() / 256
        # 255 degrees of freedom: standard deviation 22.6; the bounds lie 5 deviations out.
        assert 142 < ((counts - expected) ** 2 / expected).sum() < 368


def test_every_pair_mask_is_in_the_contribution() -> None:
    """A mask that were skipped would go unnoticed in the sum, so each party's vector is checked by itself."""
    names = roster(3)
    zeros = ring.encode(np.zeros(100, dtype=np.int64))
    pair_keys = keys_of(names)
    for name in names:
        full = secagg.mask(
            zeros, party=name, pair_keys=pair_keys[name], receiver_key=receivers_of(names)[name], start=0
        )
        for peer in pair_keys[name]:
            fewer = {other: key for other, key in pair_keys[name].items() if other != peer}
            partial = secagg.mask(
                zeros, party=name, pair_keys=fewer, receiver_key=receivers_of(names)[name], start=0
            )
            assert not np.any(full == partial)


def test_input_is_not_changed_in_place() -> None:
    encoded = ring.encode(np.arange(10))
    before = encoded.copy()
    secagg.mask(encoded, party="a", pair_keys={}, receiver_key=ReceiverKey(seed("r")), start=0)
    assert np.array_equal(encoded, before)


@settings(max_examples=30)
@given(
    st.lists(st.integers(-(2**57), 2**57), min_size=1, max_size=12),
    st.integers(0, 2**40),
    st.randoms(use_true_random=False),
)
def test_any_order_of_contributions_gives_the_same_sum(values: list[int], start: int, rng: object) -> None:
    names = roster(len(values))
    arrays = {name: np.array([value], dtype=np.int64) for name, value in zip(names, values, strict=True)}
    sent = contributions(names, arrays, start=start)
    order = list(names)
    rng.shuffle(order)  # type: ignore[attr-defined]  # hypothesis hands out a random.Random
    total = secagg.open_sum(
        {name: sent[name] for name in order}, receiver_keys=receivers_of(names), start=start
    )
    assert ring.decode(total).tolist() == [sum(values)]


# --- the variant modulo t -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parties", ROSTERS)
def test_masks_cancel_modulo_t(parties: int) -> None:
    names = roster(parties)
    pair_keys = keys_of(names)
    rng = np.random.default_rng(1)
    bound = (MODULUS - 1) // (2 * parties)
    values = {name: rng.integers(-bound, bound + 1, 20_000) for name in names}
    total = np.zeros(20_000, dtype=np.uint64)
    for name in names:
        residues = secagg.residues(values[name], modulus=MODULUS)
        masked = secagg.mask_mod(residues, modulus=MODULUS, party=name, pair_keys=pair_keys[name], start=9)
        assert int(masked.max()) < MODULUS
        assert (parties == 1) == np.array_equal(masked, residues)
        total = (total + masked) % MODULUS
    centered = total.astype(np.int64)
    centered[centered > MODULUS // 2] -= MODULUS
    assert np.array_equal(centered, sum(values.values()))


def test_chunked_equals_unchunked_modulo_t() -> None:
    pair_keys = {"b": PairKey(seed("ab")), "c": PairKey(seed("ac"))}
    values = secagg.residues(np.arange(20_000), modulus=MODULUS)
    whole = secagg.mask_mod(values, modulus=MODULUS, party="a", pair_keys=pair_keys, start=0)
    part = secagg.mask_mod(
        Residues(values[7_001:]), modulus=MODULUS, party="a", pair_keys=pair_keys, start=7_001
    )
    assert np.array_equal(part, whole[7_001:])


def test_masked_residues_are_uniform() -> None:
    zeros = Residues(np.zeros(500_000, dtype=np.uint64))
    masked = secagg.mask_mod(zeros, modulus=257, party="b", pair_keys={"a": PairKey(seed("ab"))}, start=0)
    counts = np.bincount(masked.astype(np.int64), minlength=257)
    expected = counts.sum() / 257
    assert 143 < ((counts - expected) ** 2 / expected).sum() < 369


def test_residues_invert_and_refuse_what_does_not_fit() -> None:
    half = (MODULUS - 1) // 2
    assert secagg.residues(np.array([-half, -1, 0, half]), modulus=MODULUS).tolist() == [
        MODULUS - half,
        MODULUS - 1,
        0,
        half,
    ]
    for value in (half + 1, -half - 1, 2**62):
        with pytest.raises(ProtocolError):
            secagg.residues(np.array([value]), modulus=MODULUS)
    with pytest.raises(ProtocolError):
        secagg.residues(np.array([0.5]), modulus=MODULUS)
    too_large = Residues(np.array([MODULUS], dtype=np.uint64))
    with pytest.raises(ProtocolError):
        secagg.mask_mod(too_large, modulus=MODULUS, party="a", pair_keys={}, start=0)


# --- keys, names, refusals ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "public",
    [
        bytes(32),  # the identity
        b"\x01" + bytes(31),  # order 4
        bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),  # order 8
        b"",
        bytes(31),
    ],
)
def test_small_order_and_malformed_peer_keys_are_refused(public: bytes) -> None:
    with pytest.raises(ProtocolError):
        secagg.pair_key(EphemeralKey(seed("a")), public, sid=SID, low="a", high="b")


@pytest.mark.parametrize(
    ("low", "high"), [("b", "a"), ("a", "a"), ("", "a"), ("a\0", "b"), ("a", "b\0c"), ("\0", "\0\0")]
)
def test_names_that_are_out_of_order_or_unfit_are_refused(low: str, high: str) -> None:
    with pytest.raises(ProtocolError):
        secagg.pair_key(EphemeralKey(seed("a")), EphemeralKey(seed("b")).public, sid=SID, low=low, high=high)


@pytest.mark.parametrize("sid", [b"", SID[:-1], SID + b"\0"])
def test_a_sid_of_another_length_is_refused(sid: bytes) -> None:
    with pytest.raises(ProtocolError):
        secagg.pair_key(EphemeralKey(seed("a")), EphemeralKey(seed("b")).public, sid=sid, low="a", high="b")
    with pytest.raises(ProtocolError):
        secagg.receiver_key_info(sid, party="a")


def test_pair_key_is_bound_to_sid_and_both_names() -> None:
    own, peer = EphemeralKey(seed("a")), EphemeralKey(seed("b")).public
    base = secagg.pair_key(own, peer, sid=SID, low="a", high="b")
    flipped = bytes([SID[0] ^ 1]) + SID[1:]
    others = [
        secagg.pair_key(own, peer, sid=flipped, low="a", high="b"),
        secagg.pair_key(own, peer, sid=SID, low="a", high="c"),
        secagg.pair_key(own, peer, sid=SID, low="aa", high="b"),
    ]
    assert len({base, *others}) == 4


def test_pair_key_matches_rfc_5869_by_hand() -> None:
    own, peer = EphemeralKey(seed("a")), EphemeralKey(seed("b"))
    shared = X25519PrivateKey.from_private_bytes(peer.private).exchange(
        X25519PublicKey.from_public_bytes(own.public)
    )
    extracted = hmac.digest(SID, shared, "sha256")
    expanded = hmac.digest(extracted, b"domicile-secagg/1 pair\0a\0b\x01", "sha256")
    assert secagg.pair_key(own, peer.public, sid=SID, low="a", high="b") == expanded


def test_a_party_is_not_its_own_peer() -> None:
    with pytest.raises(ProtocolError):
        secagg.mask(
            ring.encode(np.arange(3)),
            party="a",
            pair_keys={"a": PairKey(seed("aa"))},
            receiver_key=ReceiverKey(seed("r")),
            start=0,
        )


def test_opening_demands_exactly_one_contribution_per_receiver_key() -> None:
    names = roster(3)
    sent, receiver_keys = contributions(names, inputs(names, 10)), receivers_of(names)
    fewer = {name: sent[name] for name in names[:2]}
    with pytest.raises(ProtocolError):
        secagg.open_sum(fewer, receiver_keys=receiver_keys, start=0)
    with pytest.raises(ProtocolError):
        secagg.open_sum({}, receiver_keys={}, start=0)
    with pytest.raises(ProtocolError):
        secagg.open_sum(sent | {names[0]: Masked(sent[names[0]][:9])}, receiver_keys=receiver_keys, start=0)


def test_private_keys_are_not_printed() -> None:
    key = EphemeralKey(seed("secret"))
    assert key.private.hex() not in repr(key)
    assert repr(key.private) not in repr(key)
    with pytest.raises(ProtocolError):
        replace(key, private=b"short")


# --- commitments ----------------------------------------------------------------------------------------------------


def test_commitment_is_sha_256_of_opening_key_and_wire_bytes() -> None:
    encoded = ring.encode(np.arange(-5, 1_000))
    opening_key = seed("rho")
    expected = hashlib.sha256(opening_key + encoded.tobytes()).digest()
    assert secagg.commitment(opening_key, encoded) == expected
    assert secagg.commitment(opening_key, Encoded(encoded[:3]), Encoded(encoded[3:])) == expected
    secagg.check_opening(expected, opening_key, encoded)


def test_an_opening_that_was_changed_is_caught() -> None:
    encoded = ring.encode(np.arange(10))
    committed = secagg.commitment(seed("rho"), encoded)
    changed = encoded.copy()
    changed[9] ^= np.uint64(1)
    with pytest.raises(CommitmentMismatch):
        secagg.check_opening(committed, seed("rho"), Encoded(changed))
    with pytest.raises(CommitmentMismatch):
        secagg.check_opening(committed, seed("another rho"), encoded)
    with pytest.raises(ProtocolError):
        secagg.commitment(b"short", encoded)
