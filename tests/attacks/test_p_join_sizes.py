"""Attacks on a join by sizes and by repetition: is one person in the set, and what is that person's value?

The attacker knows everybody else in a department's set. Naive: batches have the size of the set, and a scenario may be run
again with one person fewer. Ours: sizes are padded to a ladder of 5 %, and a changed set is refused by its origin and by the
next department, who both hold the committed one.
"""

from __future__ import annotations

import pytest

from enclaves.protocols.alignment.errors import SetChanged
from enclaves.protocols.alignment.join import join
from enclaves.protocols.alignment.join_cells import Column, Figure, JoinQuestion, join_cells
from enclaves.protocols.alignment.payload import Amount, PayloadShape, Record
from enclaves.protocols.alignment.sizes import padded
from policies.disclosure.cells import Kind
from policies.resident import ResidentId
from tests.enclaves.protocols.alignment.kit import District, person

SHAPES = {"clinic": PayloadShape((), (Amount("cost", 0, 100_000),)), "school": PayloadShape()}
COSTS = {person(n): 100 + 37 * n for n in range(40)}
TOTAL = JoinQuestion((), (Figure("cost", Kind.SUM, Column("clinic", "cost")),))
SIZES = range(5000, 6000)
"""How many persons a department may have besides the one sought."""


def people(without: ResidentId | None = None) -> dict[str, list[tuple[ResidentId, Record]]]:
    return {
        "clinic": [(who, Record((), (cost,))) for who, cost in COSTS.items() if who != without],
        "school": [(who, Record()) for who in COSTS],
    }


def total(district: District, without: ResidentId | None = None, *, salt: object = 0) -> int:
    joined = join(district.run(people(without), salt=salt))
    return int(join_cells(joined, TOTAL).cells.lanes[0].total[0])


def test_exact_sizes_always_tell_whether_the_one_is_there() -> None:
    told = sum(known + 1 != known for known in SIZES)
    assert told == 1000


def test_padded_sizes_tell_it_at_most_four_times_in_a_thousand() -> None:
    told = sum(padded(known + 1) != padded(known) for known in SIZES)
    assert 0 < told <= 4


def test_what_is_carried_is_as_long_with_the_one_as_without() -> None:
    first, second = District(SHAPES), District(SHAPES, seed=1)
    first.run(people())
    second.run(people(person(7)))
    assert [len(sealed) for sealed in first.wire] == [len(sealed) for sealed in second.wire]
    # One more step of the ladder does show.
    assert padded(100) != padded(101)


def test_a_rerun_with_one_person_fewer_tells_everybodys_value_if_nobody_refuses_it() -> None:
    whole, right = total(District(SHAPES)), 0
    for who, cost in list(COSTS.items())[:10]:
        # Naive: each run starts with keys that remember nothing.
        right += whole - total(District(SHAPES), who) == cost
    assert right == 10


def test_ours_refuses_every_rerun_with_one_person_fewer() -> None:
    district = District(SHAPES)
    whole, answered = total(district), 0
    for who in list(COSTS)[:10]:
        with pytest.raises(SetChanged):
            answered += total(district, who, salt=1)
    assert answered == 0
    assert total(district, salt=2) == whole == sum(COSTS.values())


def test_the_next_department_refuses_it_even_if_the_origin_forgot() -> None:
    district, forgetful = District(SHAPES), District(SHAPES)
    total(district)
    for who in list(COSTS)[:10]:
        batch = District(SHAPES).bring("clinic", people(who)["clinic"])
        with pytest.raises(SetChanged):
            district.pass_on(batch, "school")
    # The same set again, from keys restored without their memory, is served.
    assert district.pass_on(forgetful.bring("clinic", people()["clinic"]), "school").stage == 2


def test_a_person_swapped_for_another_is_refused_though_the_size_is_the_same() -> None:
    district = District(SHAPES)
    total(district)
    swapped = [*people(person(3))["clinic"], (person(90), Record((), (5,)))]
    assert len(swapped) == len(COSTS)
    with pytest.raises(SetChanged):
        district.bring("clinic", swapped)
