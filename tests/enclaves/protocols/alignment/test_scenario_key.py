"""A scenario's key is live until it is deleted, serves one set per origin and stage, and matches no other key."""

from __future__ import annotations

import hashlib

import pytest

from enclaves.protocols.alignment.commitment import Commitment, commitment
from enclaves.protocols.alignment.errors import PointInvalid, ScenarioKeyDeleted, SetChanged
from enclaves.protocols.alignment.group import Points
from enclaves.protocols.alignment.scenario_key import KeyState, Purpose, ScenarioKey, candidates
from enclaves.protocols.errors import ProtocolError
from enclaves.protocols.labels import Label
from tests.enclaves.protocols.alignment.kit import SID, Stream, person

ONE, OTHER = Commitment(bytes(32)), Commitment(b"\1" * 32)
IDS = [person(n) for n in range(5)]


def key(
    seed: object = 0, *, sid: bytes = SID, department: str = "a", purpose: Purpose = Purpose.ALIGNMENT
) -> ScenarioKey:
    return ScenarioKey(Stream(seed)(96), sid=sid, department=department, purpose=purpose)


def test_a_deleted_key_does_nothing_any_more_and_there_is_no_way_back() -> None:
    gone = key()
    points = candidates(SID, IDS)
    assert gone.state is KeyState.LIVE
    gone.delete()
    gone.delete()

    assert gone.state is KeyState.DELETED
    for use in (
        lambda: gone.blinded(IDS, dummies=1),
        lambda: gone.raised(points),
        lambda: gone.commit("a", stage=1, commitment=ONE),
        lambda: gone.check_same_set("a", stage=1, commitment=ONE),
    ):
        with pytest.raises(ScenarioKeyDeleted):
            use()
    assert "deleted" in repr(gone)


def test_raising_in_any_order_gives_the_same_tokens() -> None:
    a, b, c = key("a"), key("b"), key("c")
    points = candidates(SID, IDS)
    assert a.raised(b.raised(c.raised(points))) == c.raised(a.raised(b.raised(points)))
    assert a.blinded(IDS, dummies=0) == a.raised(points)


def test_another_scenario_department_or_purpose_gives_other_tokens() -> None:
    sets = [
        key(),
        key(sid=hashlib.sha256(b"other").digest()),
        key("another"),
        key(purpose=Purpose.JOINED_SUM),
    ]
    tokens = [token for each in sets for token in each.blinded(IDS, dummies=3)]
    assert len(set(tokens)) == len(tokens) == 4 * 8


def test_dummies_are_the_same_in_every_run_and_the_secret_of_one_key() -> None:
    first, again = key().blinded(IDS, dummies=4), key().blinded(IDS, dummies=4)
    assert first == again
    exponent_of_first = Stream(0)(96)[:64]
    same_exponent = ScenarioKey(exponent_of_first + bytes(32), sid=SID, department="a")
    theirs = list(same_exponent.blinded(IDS, dummies=4))
    assert theirs[:5] == list(first)[:5]
    assert not set(theirs[5:]) & set(first)


def test_a_key_serves_one_set_per_origin_and_stage() -> None:
    live = key()
    live.commit("b", stage=1, commitment=ONE)
    live.commit("b", stage=1, commitment=ONE)
    live.commit("b", stage=2, commitment=OTHER)
    live.commit("c", stage=1, commitment=OTHER)
    with pytest.raises(SetChanged):
        live.commit("b", stage=1, commitment=OTHER)
    assert live.committed == {("b", 1): ONE, ("b", 2): OTHER, ("c", 1): OTHER}


def test_what_was_logged_before_a_restart_still_binds() -> None:
    restarted = ScenarioKey(Stream(0)(96), sid=SID, department="a", committed={("b", 1): ONE})
    with pytest.raises(SetChanged):
        restarted.check_same_set("b", stage=1, commitment=OTHER)
    restarted.check_same_set("b", stage=1, commitment=ONE)


def test_points_of_others_are_decoded_strictly() -> None:
    with pytest.raises(PointInvalid):
        key().raised(Points(bytes(32)))


@pytest.mark.parametrize(
    ("random", "sid", "name"), [(95, 32, "a"), (97, 32, "a"), (96, 31, "a"), (96, 32, "")]
)
def test_a_key_of_other_lengths_is_refused(random: int, sid: int, name: str) -> None:
    with pytest.raises(ProtocolError):
        ScenarioKey(b"\1" * random, sid=bytes(sid), department=name)


def test_a_key_does_not_show_its_secrets() -> None:
    assert repr(key()) == "ScenarioKey('a', live)"


def test_a_commitment_names_the_set_and_not_its_order() -> None:
    points = list(key().blinded(IDS, dummies=0))

    def commit(raw: list[bytes], *, origin: str = "a", stage: int = 1) -> bytes:
        return commitment(Label.ALIGN_BATCH, Points(b"".join(raw)), sid=SID, origin=origin, stage=stage)

    assert commit(points) == commit(points[::-1])
    different = [
        commit(points), commit(points[1:]), commit([*points, points[0]]), commit(points, origin="b"),
        commit(points, stage=2),
    ]  # fmt: skip
    assert len(set(different)) == 5


@pytest.mark.parametrize(("sid", "stage"), [(bytes(31), 1), (SID, 0), (SID, 256)])
def test_a_commitment_to_nothing_in_particular_is_refused(sid: bytes, stage: int) -> None:
    with pytest.raises(ProtocolError):
        commitment(Label.ALIGN_BATCH, Points(b""), sid=sid, origin="a", stage=stage)
