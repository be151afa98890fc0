"""A question apart from its sensitive columns: whom it would be about whatever those columns hold.

Which cells the atom rule withholds is itself an answer. If it were decided on "ill, and of district 3 or house 17", then a
district that vanishes tells that house 17 is ill. So a question is first weighed as if no sensitive column were in it: on
sets of people that an attacker may know anyway. What is withheld there is withheld whatever the sensitive columns hold;
what remains says things of sensitive columns of at least k people of whom every earlier question spoke alike
(protocols.md section 6.3, simulatable auditing after Kenthapadi, Mishra and Nissim, 2005).

Dropping a condition is exact only if it stands in an AND of its own. One that joins a sensitive column with another by OR,
NOT or a label is refused, with the change that would pass.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from policies.aggregate.shape import QuestionUnreadable
from policies.disclosure.cells import Coverage, Measure, Shape
from policies.documents.dataset import Dataset
from policies.sql.data_list import DataList
from policies.sql.query import (
    Aggregate,
    AggregateItem,
    AllOf,
    Condition,
    Field,
    Function,
    Item,
    Key,
    Labels,
    Query,
)
from policies.sql.row_statement import compile_rows
from policies.sql.uses import fields_of


@dataclass(frozen=True, slots=True)
class Apart:
    """The rows of the question without its sensitive columns.

    `keys` are the places of the keys that remain. `coverages` say by measure who stands behind it then.
    """

    statement: str
    keys: tuple[int, ...]
    coverages: tuple[Coverage, ...]

    def shape(self, whole: Shape) -> Shape:
        """The shape of the answer without the sensitive columns."""
        measures = zip(whole.measures, self.coverages, strict=True)
        return Shape(
            tuple(whole.keys[place] for place in self.keys),
            tuple(Measure(m.name, m.kind, coverage, m.scale, m.places) for m, coverage in measures),
        )


def sensitive_fields(datasets: Iterable[Dataset]) -> frozenset[Field]:
    """The columns declared sensitive, of the data sets of one department; who a row is about is known by the row."""
    return frozenset(
        Field(dataset.id, column.name)
        for dataset in datasets
        for column in dataset.columns
        if column.sensitive and column.name != dataset.person_column
    )


def apart_of(query: Query, data_list: DataList, sensitive: Collection[Field]) -> Apart | None:
    """`query` without the columns in `sensitive`; None if it has none. Raises QuestionUnreadable."""
    keys = tuple(place for place, item in enumerate(query.keys) if not _is_sensitive_key(item.key, sensitive))
    where = _without(query.where, sensitive)
    items: list[Item] = [query.keys[place] for place in keys]
    items += [
        AggregateItem(_aggregate(item.aggregate, sensitive), item.name, item.rounded, item.digits)
        for item in query.aggregates
    ]
    whole: list[Item] = [*query.keys, *query.aggregates]
    if where == query.where and items == whole:
        return None
    rest = replace(query, where=where, items=tuple(items), having=None, order=(), limit=None)
    coverages = tuple(_coverage(item.aggregate) for item in rest.aggregates)
    return Apart(compile_rows(rest, data_list), keys, coverages)


def _aggregate(aggregate: Aggregate, sensitive: Collection[Field]) -> Aggregate:
    """The aggregate without a sensitive condition; of a sensitive measure only who is asked about, not who has a value."""
    condition = _without(aggregate.condition, sensitive)
    if aggregate.field in sensitive:
        return Aggregate(Function.COUNT_ROWS, condition=condition)
    if condition is None and aggregate.function is Function.SUM_ONES:
        return Aggregate(Function.COUNT_ROWS)
    return replace(aggregate, condition=condition, else_zero=aggregate.else_zero and condition is not None)


def _coverage(aggregate: Aggregate) -> Coverage:
    if aggregate.condition is not None:
        return Coverage.CONDITION
    return Coverage.CELL if aggregate.bounds is None else Coverage.PRESENT


def _without(condition: Condition | None, sensitive: Collection[Field]) -> Condition | None:
    """The conjuncts of `condition` over other columns."""
    kept = []
    for part in _conjuncts(condition):
        known = [field in sensitive for field in fields_of(part)]
        if not any(known):
            kept.append(part)
        elif not all(known):
            raise QuestionUnreadable(
                f"expected {_named(part, sensitive)} in a condition of its own, joined by AND"
            )
    if len(kept) < 2:
        return kept[0] if kept else None
    return AllOf(tuple(kept))


def _is_sensitive_key(key: Key, sensitive: Collection[Field]) -> bool:
    if not isinstance(key, Labels):
        return key.field in sensitive
    known = [field in sensitive for branch in key.branches for field in fields_of(branch.condition)]
    if any(known) and not all(known):
        mixed = next(b.condition for b in key.branches if any(f in sensitive for f in fields_of(b.condition)))
        raise QuestionUnreadable(
            f"expected {_named(mixed, sensitive)} in a key of its own, apart from other columns"
        )
    return any(known)


def _conjuncts(condition: Condition | None) -> Iterator[Condition]:
    match condition:
        case None:
            return
        case AllOf(conditions):
            for inner in conditions:
                yield from _conjuncts(inner)
        case _:
            yield condition


def _named(condition: Condition, sensitive: Collection[Field]) -> str:
    field = next(field for field in fields_of(condition) if field in sensitive)
    return f"the sensitive column `{field.table}.{field.column}`"
