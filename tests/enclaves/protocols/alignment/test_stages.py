"""The pipeline of a batch: padded, shuffled, committed, raised by each department once, linked by nobody on the way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from enclaves.protocols.alignment.batch import Batch
from enclaves.protocols.alignment.errors import BatchInvalid, PointInvalid, ScenarioKeyDeleted, SetChanged
from enclaves.protocols.alignment.group import POINT_BYTES, Points
from enclaves.protocols.alignment.layers import LAYER_BYTES
from enclaves.protocols.alignment.payload import Amount, Category, PayloadShape, Record
from enclaves.protocols.alignment.roster import Roster
from enclaves.protocols.alignment.scenario_key import ScenarioKey, candidates
from enclaves.protocols.alignment.shuffle import permutation, reordered
from enclaves.protocols.alignment.sizes import padded
from enclaves.protocols.alignment.stages import bring, pass_on
from enclaves.protocols.alignment.transfer import open_batch, seal_batch, transfer_info
from enclaves.protocols.errors import ProtocolError, SealBroken
from enclaves.protocols.sealing import seal
from tests.enclaves.protocols.alignment.kit import SID, District, Stream, person

SHAPE = PayloadShape((Category("group", ("x", "y")),), (Amount("cost", 0, 1000),))
NAMES = ("a", "b", "c")
PEOPLE = [(person(n), Record((n % 2,), (n,))) for n in range(7)]


def district(seed: object = 0) -> District:
    return District(dict.fromkeys(NAMES, SHAPE), seed=seed)


def entries_of(batch: Batch) -> set[bytes]:
    return {batch.entries[at : at + batch.width] for at in range(0, len(batch.entries), batch.width)}


def test_a_batch_is_padded_and_its_points_are_the_raised_ids_in_another_order() -> None:
    town = district()
    batch = town.bring("a", PEOPLE)
    plain = list(candidates(SID, [who for who, _ in PEOPLE]))
    raised = list(town.keys["a"].raised(Points(b"".join(plain))))

    assert len(batch.points) == padded(len(PEOPLE)) == 100
    assert set(raised) < set(batch.points)
    assert not set(plain) & set(batch.points)
    assert [point for point in batch.points if point in raised] != raised


def test_every_point_and_entry_changes_at_every_department() -> None:
    town = district()
    town.way("a", PEOPLE)
    seen_points: set[bytes] = set()
    seen_entries: set[bytes] = set()
    for stage in (1, 2, 3):
        batch = town.hops["a", stage]
        assert batch.width == SHAPE.width + stage * LAYER_BYTES
        assert len(set(batch.points)) == len(entries_of(batch)) == 100
        assert not seen_points & set(batch.points)
        # The entry below the place is a ciphertext under a new key: nothing of the entry before stands in it.
        assert not any(old[4:20] in new for old in seen_entries for new in entries_of(batch))
        seen_points |= set(batch.points)
        seen_entries |= entries_of(batch)


def linked(sent: Batch, seen: Batch) -> int:
    """Entries that the origin recognizes in a later batch, by any 16 bytes of what it sent, place aside."""
    later = entries_of(seen)
    return sum(any(entry[4:20] in each for each in later) for entry in entries_of(sent))


def test_the_origin_and_the_last_department_link_nobody_by_what_travels_with_the_points() -> None:
    town = district()
    last = town.way("a", PEOPLE)
    sent = town.hops["a", 1]
    # Naive: points are raised and shuffled, and the sealed payloads go along as they are.
    order = permutation(len(sent.points), Stream("naive"))
    entries = reordered(sent.entries, order, width=sent.width)
    points = Points(reordered(town.keys["b"].raised(sent.points).raw, order, width=POINT_BYTES))
    assert linked(sent, replace(sent, points=points, entries=entries)) == 100
    assert linked(sent, last) == 0


def test_dummies_look_like_everybody_else_on_the_way() -> None:
    town = district()
    batch = town.bring("a", PEOPLE)
    assert {len(entry) for entry in entries_of(batch)} == {batch.width}
    # Positions of the known persons spread over the batch rather than stand together.
    known = set(town.keys["a"].raised(candidates(SID, [who for who, _ in PEOPLE])))
    places = [at for at, point in enumerate(batch.points) if point in known]
    assert len(places) == 7
    assert max(places) - min(places) > 20


def test_the_shuffle_pairs_every_point_with_its_own_payload() -> None:
    town = district()
    delivered = town.deliver(town.way("b", PEOPLE))
    exponent_order = ("a", "b", "c")
    for who, record in PEOPLE:
        token = candidates(SID, [who])
        for name in exponent_order:
            token = town.keys[name].raised(token)
        row = delivered.rows[token.raw]
        assert tuple(delivered.columns.codes[row]) == record.codes
        assert tuple(delivered.columns.amounts[row]) == record.amounts
    assert len(delivered.rows) == len(PEOPLE)


def test_a_rerun_with_the_same_set_gives_the_same_commitment_in_another_order() -> None:
    town = district()
    first = town.bring("a", PEOPLE, salt=1)
    again = town.bring("a", PEOPLE[::-1], salt=2)
    assert first.commitment == again.commitment
    assert first.points != again.points
    assert town.pass_on(first, "b", salt=1).commitment == town.pass_on(again, "b", salt=2).commitment


@pytest.mark.parametrize(
    "changed",
    [
        PEOPLE[1:],
        PEOPLE[:-1],
        [*PEOPLE, (person(8), Record((0,), (0,)))],
        [*PEOPLE[1:], (person(9), PEOPLE[0][1])],
    ],
)
def test_a_rerun_with_another_set_is_refused_at_its_origin(changed: list[tuple[object, Record]]) -> None:
    town = district()
    town.bring("a", PEOPLE)
    with pytest.raises(SetChanged):
        town.bring("a", changed)  # type: ignore[arg-type]  # parametrized


def test_a_rerun_with_another_set_is_refused_by_the_next_department_too() -> None:
    town, forgetful = district(), district()
    town.pass_on(town.bring("a", PEOPLE), "b")
    changed = forgetful.bring("a", PEOPLE[1:])
    with pytest.raises(SetChanged):
        town.pass_on(changed, "b")


def test_only_the_next_department_in_turn_passes_a_batch_on() -> None:
    town = district()
    batch = town.bring("a", PEOPLE)
    for name in ("a", "c"):
        with pytest.raises(BatchInvalid):
            town.pass_on(batch, name)
    raised = town.pass_on(batch, "b")
    with pytest.raises(BatchInvalid):
        town.pass_on(raised, "b")
    last = town.pass_on(raised, "c")
    for name in NAMES:
        with pytest.raises(BatchInvalid):
            town.pass_on(last, name)


def test_points_that_the_sender_did_not_commit_to_are_refused_before_any_is_raised() -> None:
    town = district()
    batch = town.bring("a", PEOPLE)
    logged = batch.commitment
    injected = candidates(SID, [person(1)]).raw
    for raw in (injected + batch.points.raw[32:], batch.points.raw[32:64] + batch.points.raw[32:]):
        changed = replace(batch, points=Points(raw))
        with pytest.raises(BatchInvalid):
            pass_on(
                changed,
                town.keys["b"],
                roster=town.roster,
                logged=logged,
                joiner=town.sealing["gate"].public,
                random_bytes=Stream(1),
            )
    assert town.keys["b"].committed == {}


@pytest.mark.parametrize("raw", [bytes(32), b"\xff" * 32, (1).to_bytes(32, "little")])
def test_an_invalid_point_is_refused_even_if_it_was_committed_to(raw: bytes) -> None:
    town = district()
    batch = town.bring("a", PEOPLE)
    changed = replace(batch, points=Points(raw + batch.points.raw[POINT_BYTES:]))
    with pytest.raises(PointInvalid):
        town.pass_on(changed, "b")
    assert town.keys["b"].committed == {}


def test_a_person_twice_is_refused() -> None:
    with pytest.raises(BatchInvalid):
        district().bring("a", [*PEOPLE, PEOPLE[0]])


def test_nothing_is_raised_after_the_scenario_ended() -> None:
    town = district()
    batch = town.bring("a", PEOPLE)
    town.keys["b"].delete()
    with pytest.raises(ScenarioKeyDeleted):
        town.pass_on(batch, "b")


def test_a_key_or_batch_of_another_scenario_is_refused() -> None:
    town, elsewhere = district(), District(dict.fromkeys(NAMES, SHAPE), sid=b"\1" * 32)
    with pytest.raises(BatchInvalid):
        town.pass_on(elsewhere.bring("a", PEOPLE), "b")
    foreign = ScenarioKey(Stream(0)(96), sid=b"\1" * 32, department="a")
    stranger = ScenarioKey(Stream(0)(96), sid=SID, department="z")
    for key in (foreign, stranger):
        with pytest.raises(ProtocolError):
            bring(
                PEOPLE,
                key,
                roster=town.roster,
                shape=SHAPE,
                joiner=town.sealing["gate"].public,
                random_bytes=Stream(1),
            )


def test_a_sealed_batch_opens_for_its_receiver_at_its_place_only() -> None:
    town = district()
    batch = town.bring("a", PEOPLE)
    sealed = seal_batch(batch, roster=town.roster, receiver=town.sealing["b"].public)

    opened = open_batch(sealed, roster=town.roster, origin="a", stage=1, private=town.sealing["b"])
    assert opened == batch
    for origin, stage, who in (("a", 1, "c"), ("a", 2, "b"), ("b", 1, "b")):
        with pytest.raises(SealBroken):
            open_batch(sealed, roster=town.roster, origin=origin, stage=stage, private=town.sealing[who])
    with pytest.raises(BatchInvalid):
        seal_batch(
            batch,
            roster=Roster(b"\1" * 32, NAMES, "gate"),
            receiver=town.sealing["b"].public,
        )


def test_a_batch_that_is_not_what_its_seal_names_is_refused() -> None:
    town = district()
    info = transfer_info(town.roster, origin="a", stage=1)
    inside = town.bring("b", PEOPLE).to_bytes()
    sealed = seal(town.sealing["b"].public, inside, info=info)
    with pytest.raises(BatchInvalid):
        open_batch(sealed, roster=town.roster, origin="a", stage=1, private=town.sealing["b"])


def test_what_the_carrier_sees_has_the_length_of_the_padded_size_only() -> None:
    one, other = district(1), district(2)
    one.way("a", PEOPLE)
    other.way("a", PEOPLE * 0)
    assert [len(sealed) for sealed in one.wire] == [len(sealed) for sealed in other.wire]
    points = {point for batch in one.hops.values() for point in batch.points}
    assert not any(point in sealed for point in points for sealed in one.wire)


@pytest.mark.parametrize(
    ("sid", "names", "joiner"),
    [
        (bytes(31), NAMES, "gate"),
        (SID, ("a",), "gate"),
        (SID, ("b", "a"), "gate"),
        (SID, ("a", "a"), "gate"),
        (SID, NAMES, "a"),
        (SID, NAMES, ""),
        (SID, ("", "a"), "gate"),
        (SID, tuple(f"{n:02}" for n in range(51)), "gate"),
    ],
)
def test_a_roster_that_means_nothing_is_refused(sid: bytes, names: tuple[str, ...], joiner: str) -> None:
    with pytest.raises(ProtocolError):
        Roster(sid, names, joiner)


def test_a_batch_goes_round_and_ends_at_the_joiner() -> None:
    roster = Roster(SID, NAMES, "gate")
    assert roster.way("b") == ("b", "c", "a")
    assert [roster.holder("b", stage=stage) for stage in (1, 2, 3)] == ["c", "a", "gate"]
    for refused in (
        lambda: roster.way("z"),
        lambda: roster.holder("a", stage=0),
        lambda: roster.holder("a", stage=4),
    ):
        with pytest.raises(ProtocolError):
            refused()
