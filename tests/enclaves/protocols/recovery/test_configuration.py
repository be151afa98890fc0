"""What no session may be configured as, and what is never printed."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest

from enclaves.noise.tails import largest_noise
from enclaves.protocols.errors import HeadroomExceeded
from enclaves.protocols.labels import Label
from enclaves.protocols.recovery import bundles
from enclaves.protocols.recovery.errors import Reason
from enclaves.protocols.recovery.lanes import Lanes
from enclaves.protocols.recovery.session import Session, name_bytes
from enclaves.protocols.recovery.stages import Stage
from policies.privacy.shares import Sensitivity, share
from tests.enclaves.protocols.recovery.seats import SID, ready, refused, session, vector
from tests.enclaves.protocols.recovery.simulator import names


@pytest.mark.parametrize("parties", [1, 2, 3, 51])
def test_rosters_without_recovery_or_beyond_fifty_are_refused(parties: int) -> None:
    refused(Reason.SESSION, Session, SID, names(parties), 1, 1)


@pytest.mark.parametrize(
    "roster",
    [
        ("a", "b", "d", "c"),
        ("a", "b", "c", "c"),
        ("", "b", "c", "d"),
        ("a", "b\0", "c", "d"),
        ("a", "b", "c", "d" * 256),
        ("a", "b", "c", "\ud800"),
    ],
)
def test_rosters_that_could_be_read_in_two_ways_are_refused(roster: tuple[str, ...]) -> None:
    refused(Reason.SESSION, Session, SID, roster, 1, 1)


@pytest.mark.parametrize("lanes", list(Lanes))
def test_headroom_is_refused_at_configuration_and_counts_the_noise(lanes: Lanes) -> None:
    largest = (lanes.modulus // 2 - 1) // 50
    Session(SID, names(50), 1, largest - 30, 30, lanes)
    with pytest.raises(HeadroomExceeded):
        Session(SID, names(50), 1, largest - 30, 31, lanes)
    with pytest.raises(HeadroomExceeded):
        Session(SID, names(50), 1, largest + 1, 0, lanes)


def test_the_tail_of_distributed_noise_enters_the_headroom() -> None:
    """protocols.md sections 2.2 and 2.4: n * (bound + noise tail of one party) < 2^63."""
    party_share = share(Sensitivity(1, 1, 1), rho=Fraction(1, 10), parties=10)
    tail = largest_noise(party_share.variance)
    assert tail > 0
    room = (2**63 - 1) // 10
    Session(SID, names(10), 1, room - tail, tail)
    with pytest.raises(HeadroomExceeded):
        Session(SID, names(10), 1, room - tail + 1, tail)


def test_values_beyond_the_bound_are_refused_before_anything_is_masked() -> None:
    given = session(bound=10)
    parties, _, _ = ready(given)
    party = parties[given.roster[0]]
    for wrong in (vector(0, 0, 11), vector(-11, 0, 0), vector(1, 2)):
        refused(Reason.INPUT, party.contribute, wrong)
    assert party.stage is Stage.READY
    party.contribute(vector(10, -10, 0))


def test_statements_tell_where_each_part_ends() -> None:
    given = session()
    made = {
        given.statement(Label.SECAGG_KEYS, *parts)
        for parts in ((b"ab", b"c"), (b"a", b"bc"), (b"abc",), (b"abc", b""), (b"", b"abc"))
    }
    assert len(made) == 5
    assert len({given.statement(label) for label in Label}) == len(Label)


def test_a_source_that_repeats_itself_or_gives_too_little_is_refused() -> None:
    for source in (bytes, lambda count: bytes(count - 1)):
        refused(Reason.RANDOMNESS, bundles.draw_secrets, source)


def test_secrets_are_not_printed() -> None:
    given = session()
    parties, _, _ = ready(given)
    drawn = bundles.draw_secrets(random.Random(f"1 {given.roster[0]}").randbytes)
    shown = repr(parties[given.roster[0]]._state) + repr(drawn)
    for secret in (
        drawn.mask_seed,
        drawn.self_mask,
        drawn.receiver_mask,
        drawn.opening_key,
        drawn.share_key.private,
    ):
        assert repr(secret) not in shown
        assert secret.hex() not in shown


def test_names_are_measured_in_bytes() -> None:
    assert name_bytes("民政") == "民政".encode()
    refused(Reason.SESSION, name_bytes, "民" * 86)
