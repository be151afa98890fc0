"""Shares: any threshold of them, no fewer; one encoding; nothing outside the field."""

from __future__ import annotations

import contextlib
import itertools
import random
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enclaves.protocols.recovery.errors import Reason, RecoveryRefused
from enclaves.protocols.recovery.shamir import PRIME, SHARE_BYTES, Share, combine, split
from policies.recovery import threshold

SECRET = bytes(range(32))


def dealt(parties: int, needed: int, *, seed: int = 1, secret: bytes = SECRET) -> tuple[Share, ...]:
    return split(secret, parties=parties, needed=needed, draw=random.Random(seed).randbytes)


@pytest.mark.parametrize(
    ("parties", "needed"),
    [
        (1, 1),
        (2, 2),
        (3, 3),
        (4, 3),
        (5, 4),
        (6, 5),
        (7, 5),
        (9, 7),
        (10, 7),
        (11, 8),
        (12, 9),
        (49, 33),
        (50, 34),
    ],
)
def test_the_threshold_is_more_than_two_thirds(parties: int, needed: int) -> None:
    assert threshold(parties) == needed
    if parties > 3:
        assert Fraction(needed, parties) > Fraction(2, 3) >= Fraction(needed - 1, parties)


@pytest.mark.parametrize("parties", range(4, 8))
def test_every_subset_of_the_threshold_gives_the_secret_back(parties: int) -> None:
    needed = threshold(parties)
    shares = dealt(parties, needed)
    for subset in itertools.permutations(shares, needed):
        assert combine(subset, needed=needed) == SECRET


@settings(max_examples=40)
@given(st.binary(min_size=32, max_size=32), st.integers(4, 50), st.randoms(use_true_random=False))
def test_any_secret_comes_back_from_any_threshold_of_shares(
    secret: bytes, parties: int, rng: random.Random
) -> None:
    needed = threshold(parties)
    shares = split(secret, parties=parties, needed=needed, draw=rng.randbytes)
    assert combine(rng.sample(shares, needed), needed=needed) == secret


def test_one_share_less_fits_every_secret() -> None:
    """For any other secret there is a last share that would give it: what t - 1 parties hold excludes nothing."""
    shares = dealt(4, 3)
    for other in (bytes(32), b"\xff" * 32, b"\1" * 32):
        # The line through (0, other), (1, y1), (2, y2) extended to x = 3 by Lagrange's formula.
        wanted, first, second = int.from_bytes(other, "big"), shares[0].value, shares[1].value
        third = Share(3, (wanted - 3 * first + 3 * second) % PRIME)
        assert combine((shares[0], shares[1], third), needed=3) == other


def test_shares_of_one_secret_drawn_twice_differ_everywhere() -> None:
    for one, other in zip(dealt(50, 34, seed=1), dealt(50, 34, seed=2), strict=True):
        assert one.x == other.x
        assert one.value != other.value


def test_shares_lie_on_a_polynomial_of_full_degree() -> None:
    """Were the leading coefficient left out, t - 1 shares would do."""
    shares = dealt(4, 3)
    with pytest.raises(RecoveryRefused):
        combine(shares[:2], needed=2)


def test_a_wrong_share_may_give_a_plausible_secret_which_is_why_results_are_checked() -> None:
    """Weights at 1, 2, 3 are 3, -3, 1: an error of one moves the secret by one, an error of 2^300 out of its range."""
    shares = dealt(4, 3)
    nearly = combine((shares[0], shares[1], Share(3, (shares[2].value + 1) % PRIME)), needed=3)
    assert int.from_bytes(nearly, "big") == int.from_bytes(SECRET, "big") + 1
    with pytest.raises(RecoveryRefused, match="one dealt secret"):
        combine((shares[0], shares[1], Share(3, (shares[2].value + (1 << 300)) % PRIME)), needed=3)


def test_fewer_more_or_repeated_shares_are_refused() -> None:
    shares = dealt(5, 4)
    for wrong in (shares[:3], shares, ()):
        with pytest.raises(RecoveryRefused, match="expected 4 shares"):
            combine(wrong, needed=4)
    with pytest.raises(RecoveryRefused, match="twice"):
        combine((shares[0], shares[0], shares[1], shares[2]), needed=4)
    with pytest.raises(RecoveryRefused):
        combine((), needed=0)


def test_the_wire_form_is_x_and_66_bytes() -> None:
    share = Share(7, PRIME - 1)
    assert share.to_wire() == b"\x07" + (PRIME - 1).to_bytes(66, "big")
    assert Share.from_wire(share.to_wire()) == share


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(SHARE_BYTES),  # x = 0 would be the secret itself
        b"\x33" + bytes(66),  # x = 51
        b"\xff" + bytes(66),
        b"\x01" + PRIME.to_bytes(66, "big"),  # p and 0 are one element
        b"\x01" + b"\xff" * 66,
        b"\x01" + bytes(65),
        b"\x01" + bytes(67),
    ],
)
def test_anything_but_the_one_encoding_of_a_share_is_refused(data: bytes) -> None:
    with pytest.raises(RecoveryRefused) as refused:
        Share.from_wire(data)
    assert refused.value.reason is Reason.SHARE


@given(st.binary(max_size=80))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    with contextlib.suppress(RecoveryRefused):
        assert Share.from_wire(data).to_wire() == data


@pytest.mark.parametrize(("parties", "needed"), [(0, 0), (4, 5), (4, 0), (51, 34)])
def test_impossible_thresholds_are_refused(parties: int, needed: int) -> None:
    with pytest.raises(RecoveryRefused):
        dealt(parties, needed)


def test_a_secret_of_another_length_and_a_short_source_are_refused() -> None:
    with pytest.raises(RecoveryRefused):
        dealt(4, 3, secret=b"short")
    with pytest.raises(RecoveryRefused) as refused:
        split(SECRET, parties=4, needed=3, draw=lambda count: bytes(count - 1))
    assert refused.value.reason is Reason.RANDOMNESS


def test_coefficients_are_drawn_again_rather_than_reduced() -> None:
    """The one value of 521 bits that is not below p."""
    drawn = iter([b"\xff" * 66, b"\0" * 65 + b"\5"])
    shares = split(bytes(32), parties=2, needed=2, draw=lambda count: next(drawn))
    assert [share.value for share in shares] == [5, 10]


def test_shares_and_secrets_are_not_printed() -> None:
    assert str(dealt(4, 3)[0].value) not in repr(dealt(4, 3)[0])
