"""The joiner against a plain join in Python: the same persons, counts and sums, exactly; and what it refuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enclaves.protocols.alignment.commitment import Commitment
from enclaves.protocols.alignment.errors import BatchInvalid, PointInvalid
from enclaves.protocols.alignment.group import POINT_BYTES, Points
from enclaves.protocols.alignment.join import Delivered, Joined, deliver, join
from enclaves.protocols.alignment.join_cells import Column, Figure, JoinQuestion, join_cells
from enclaves.protocols.alignment.payload import Amount, Category, PayloadShape, Record
from enclaves.protocols.errors import ProtocolError, SealBroken
from policies.disclosure.cells import Kind
from policies.disclosure.errors import CellsInvalid
from policies.disclosure.limits import Limits
from policies.disclosure.local import judge_locally
from policies.disclosure.release import judge
from policies.disclosure.rules import Rule
from tests.enclaves.protocols.alignment.kit import District, person

SHAPES = {
    "clinic": PayloadShape((Category("age", (10, 20, 30)),), (Amount("cost", -50, 900, 2),)),
    "school": PayloadShape((Category("kind", ("p", "s")),)),
    "tax": PayloadShape((), (Amount("income", 0, 10_000), Amount("paid", -5, 5))),
}
QUESTION = JoinQuestion(
    (Column("clinic", "age"), Column("school", "kind")),
    (
        Figure("n", Kind.COUNT),
        Figure("people", Kind.PERSONS),
        Figure("cost", Kind.SUM, Column("clinic", "cost")),
        Figure("mean", Kind.MEAN, Column("clinic", "cost")),
        Figure("spread", Kind.VARIANCE, Column("clinic", "cost")),
    ),
)
NUMBERS = st.integers(0, 30)
POPULATION = st.fixed_dictionaries(
    {
        "clinic": st.dictionaries(
            NUMBERS, st.tuples(st.tuples(st.integers(0, 2)), st.tuples(st.none() | st.integers(-99, 999)))
        ),
        "school": st.dictionaries(NUMBERS, st.tuples(st.tuples(st.integers(0, 1)), st.just(()))),
        "tax": st.dictionaries(
            NUMBERS,
            st.tuples(st.just(()), st.tuples(st.none() | st.integers(-1, 20_000), st.integers(-9, 9))),
        ),
    }
)
Population = Mapping[str, Mapping[int, tuple[tuple[int, ...], tuple[int | None, ...]]]]


def by_hand(population: Population, required: Sequence[str]) -> dict[tuple[object, ...], dict[str, int]]:
    """Lanes of QUESTION by key, from the plain numbers, with nothing but dictionaries."""
    cells = {
        key: dict.fromkeys(("persons", "with_cost", "total", "squares"), 0)
        for key in product((10, 20, 30), ("p", "s"))
    }
    for number in population[required[0]]:
        if not all(number in population[name] for name in required):
            continue
        (age,), (cost,) = population["clinic"][number]
        (kind,), _ = population["school"][number]
        cell = cells[(10, 20, 30)[age], ("p", "s")[kind]]
        cell["persons"] += 1
        if cost is not None:
            clipped = min(max(cost, -50), 900)
            cell["with_cost"] += 1
            cell["total"] += clipped
            cell["squares"] += clipped * clipped
    return cells


def people_of(population: Population) -> dict[str, list[tuple[object, Record]]]:
    return {
        name: [(person(n), Record(*record)) for n, record in rows.items()]
        for name, rows in population.items()
    }


def delivered_plainly(population: Population) -> list[Delivered]:
    """What the joiner has opened, with the numbers themselves as tokens: the join alone, without any cryptography."""
    opened = []
    for name, rows in population.items():
        packed = SHAPES[name].pack((Record(*record) for record in rows.values()), dummies=3)
        tokens = {b"%032d" % number: row for row, number in enumerate(rows)}
        opened.append(Delivered(name, SHAPES[name], tokens, SHAPES[name].read(packed)))
    return opened


def check_equal(joined: Joined, population: Population, required: Sequence[str]) -> None:
    made = join_cells(joined, QUESTION)
    expected = by_hand(population, required)
    assert made.cells.keys == tuple(expected)
    assert joined.persons == sum(cell["persons"] for cell in expected.values())
    n, people, cost, mean, spread = made.cells.lanes
    for at, cell in enumerate(expected.values()):
        assert made.cells.persons[at] == n.rows[at] == people.persons[at] == cell["persons"]
        assert made.cells.domains[at] == (len(required) if cell["persons"] else 0)
        for lanes in (cost, mean, spread):
            assert lanes.base[at] == cell["persons"]
            assert lanes.persons[at] == cell["with_cost"]
            assert lanes.total[at] == cell["total"]
        assert mean.rows[at] == spread.rows[at] == cell["with_cost"]
        assert spread.squares[at] == cell["squares"]


@given(POPULATION, st.sampled_from([("clinic", "school"), ("clinic", "school", "tax")]))
def test_a_join_equals_the_plain_one(population: Population, required: tuple[str, ...]) -> None:
    joined = join(delivered_plainly(population), required=required)
    check_equal(joined, population, required)
    assert joined.brought == {name: len(rows) for name, rows in population.items()}


@settings(max_examples=12)
@given(POPULATION, st.integers())
def test_the_whole_way_equals_the_plain_join(population: Population, seed: int) -> None:
    town = District(SHAPES, seed=seed)
    delivered = town.run(people_of(population))  # type: ignore[arg-type]  # ids and records

    check_equal(join(delivered), population, tuple(SHAPES))
    check_equal(join(delivered, required=("school", "clinic")), population, ("clinic", "school"))


def some_population(size: int = 60) -> Population:
    return {
        "clinic": {n: ((n % 3,), (10 * n,)) for n in range(size)},
        "school": {n: ((n % 2,), ()) for n in range(10, size + 10)},
        "tax": {n: ((), (n, 0)) for n in range(size + 10)},
    }


def test_a_rerun_gives_the_same_cells() -> None:
    town = District(SHAPES)
    people = people_of(some_population())
    first, again = (join(town.run(people, salt=salt)) for salt in (1, 2))  # type: ignore[arg-type]  # ids and records
    one, two = join_cells(first, QUESTION), join_cells(again, QUESTION)
    assert (one.cells.matrix == two.cells.matrix).all()


def test_the_cells_pass_through_disclosure_control() -> None:
    joined = join(delivered_plainly(some_population(300)))
    made = join_cells(joined, QUESTION)
    limits = Limits()

    local = judge_locally(
        made.contributions,
        shape=made.cells.shape,
        keys=made.keys,
        bounds=[None] * len(QUESTION.figures),
        universe=joined.persons,
        limits=limits,
        one_domain=True,
    )
    judged = judge(made.cells, limits, universe=joined.persons, n_domains=3)
    assert local.released.all()
    assert (local.cells.persons == made.cells.persons).all()
    assert judged.report.cells_by_rule.get(Rule.PERSONS, 0) == 0
    assert len(judged.rows) == 6


def test_small_cells_of_a_join_are_withheld_by_disclosure_control() -> None:
    made = join_cells(join(delivered_plainly(some_population(30))), QUESTION)
    assert 0 < made.cells.persons.max() < 10
    judged = judge(made.cells, Limits(), universe=100, n_domains=3)
    assert judged.report.cells_by_rule[Rule.PERSONS] == 6


def test_a_question_without_keys_has_one_cell() -> None:
    joined = join(delivered_plainly(some_population()))
    made = join_cells(joined, JoinQuestion((), (Figure("n", Kind.COUNT),)))
    assert made.keys == ((),)
    assert made.cells.persons.tolist() == [50]


@pytest.mark.parametrize(
    "question",
    [
        JoinQuestion((Column("clinic", "sex"),), (Figure("n", Kind.COUNT),)),
        JoinQuestion((Column("bank", "age"),), (Figure("n", Kind.COUNT),)),
        JoinQuestion((Column("clinic", "cost"),), (Figure("n", Kind.COUNT),)),
        JoinQuestion((), (Figure("s", Kind.SUM, Column("clinic", "age")),)),
        JoinQuestion((), (Figure("s", Kind.SUM, Column("bank", "cost")),)),
    ],
)
def test_fields_that_nobody_declared_are_refused(question: JoinQuestion) -> None:
    with pytest.raises(ProtocolError):
        join_cells(join(delivered_plainly(some_population())), question)


def test_a_figure_has_a_column_exactly_if_it_is_of_amounts() -> None:
    for kind, column in (
        (Kind.SUM, None), (Kind.COUNT, Column("clinic", "cost")), (Kind.SHARE, None),
        (Kind.SHARE, Column("clinic", "cost")),
    ):  # fmt: skip
        with pytest.raises(ProtocolError):
            Figure("f", kind, column)


def wide(amount: Amount, values: Sequence[int], category: Category | None = None) -> Joined:
    shape = PayloadShape((category,) if category else (), (amount,))
    codes = (0,) if category else ()
    columns = shape.read(shape.pack((Record(codes, (value,)) for value in values), dummies=0))
    tokens = {b"%032d" % n: n for n in range(len(values))}
    return join([Delivered(name, shape, tokens, columns) for name in ("a", "b")])


def test_sums_that_could_wrap_are_refused() -> None:
    huge = wide(Amount("v", 0, 2**62 - 1), [2**62 - 1] * 3)
    with pytest.raises(CellsInvalid):
        join_cells(huge, JoinQuestion((), (Figure("s", Kind.SUM, Column("a", "v")),)))
    with pytest.raises(ProtocolError):
        join_cells(huge, JoinQuestion((), (Figure("s", Kind.VARIANCE, Column("a", "v")),)))


def test_more_than_500_cells_are_refused() -> None:
    joined = wide(Amount("v", 0, 1), [1], Category("c", tuple(range(30))))
    keys = (Column("a", "c"), Column("b", "c"))
    with pytest.raises(ProtocolError):
        join_cells(joined, JoinQuestion(keys, (Figure("n", Kind.COUNT),)))


@pytest.mark.parametrize("required", [("clinic",), (), ("clinic", "bank")])
def test_a_join_needs_two_departments_that_delivered(required: tuple[str, ...]) -> None:
    with pytest.raises(ProtocolError):
        join(delivered_plainly(some_population()), required=required)


def test_two_batches_of_one_department_are_refused() -> None:
    delivered = delivered_plainly(some_population())
    with pytest.raises(ProtocolError):
        join([*delivered, delivered[0]])


def test_nobody_in_common_gives_empty_cells() -> None:
    population = {"clinic": {1: ((0,), (5,))}, "school": {2: ((0,), ())}, "tax": {3: ((), (1, 1))}}
    made = join_cells(join(delivered_plainly(population)), QUESTION)
    assert not made.cells.matrix.any()


def test_the_joiner_refuses_what_is_not_the_last_stage_of_this_scenario() -> None:
    town = District(SHAPES)
    people = people_of(some_population(3))
    last = town.way("clinic", people["clinic"])  # type: ignore[arg-type]  # ids and records
    elsewhere = District(SHAPES, sid=b"\1" * 32)
    for batch in (
        town.hops["clinic", 1],
        town.hops["clinic", 2],
        elsewhere.way("clinic", people["clinic"]),  # type: ignore[arg-type]  # ids and records
        replace(last, entries=last.entries + bytes(100)),
    ):
        with pytest.raises(BatchInvalid):
            town.deliver(batch)


def test_the_joiner_refuses_points_that_were_not_logged_are_invalid_or_stand_twice() -> None:
    town = District(SHAPES)
    last = town.way("clinic", people_of(some_population(3))["clinic"])  # type: ignore[arg-type]  # ids and records
    raw = last.points.raw
    with pytest.raises(BatchInvalid):
        deliver(
            last,
            town.sealing["gate"],
            roster=town.roster,
            logged=Commitment(bytes(32)),
            shape=SHAPES["clinic"],
        )
    with pytest.raises(PointInvalid):
        town.deliver(replace(last, points=Points(bytes(32) + raw[POINT_BYTES:])))
    with pytest.raises(BatchInvalid):
        town.deliver(replace(last, points=Points(raw[POINT_BYTES : 2 * POINT_BYTES] + raw[POINT_BYTES:])))


def test_the_joiner_refuses_altered_entries() -> None:
    town = District(SHAPES)
    last = town.way("clinic", people_of(some_population(3))["clinic"])  # type: ignore[arg-type]  # ids and records
    changed = bytearray(last.entries)
    changed[last.width * 7 + 9] ^= 1
    with pytest.raises(SealBroken):
        town.deliver(replace(last, entries=bytes(changed)))
