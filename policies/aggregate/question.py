"""A question as everybody reads it: each domain's statement through the SQL gate, and what all of them have in common.

Coordinator, enclaves and gate each call `asked_of` on the same signed documents and get the same answer; nobody takes
anybody's word for it. A question is governed when every statement is allowed and all of them compute the same figures over
the same cells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from policies.aggregate.apart import Apart, apart_of, sensitive_fields
from policies.aggregate.layout import Layout
from policies.aggregate.listing import data_list_of
from policies.aggregate.noise import NoisePlan, noise_of
from policies.aggregate.shape import Figures, QuestionUnreadable, common, figures_of
from policies.aggregate.template import fill
from policies.disclosure.local import PersonBound
from policies.documents.authorization import ListedColumn, Scenario
from policies.documents.dataset import Dataset, Use
from policies.documents.query import ParameterValue, Query
from policies.documents.strict_json import Json
from policies.errors import PolicyError
from policies.sql.data_list import DataList
from policies.sql.gate import Verdict, check
from policies.sql.uses import columns_used


@dataclass(frozen=True, slots=True)
class Asked:
    """A question read: the gate's verdict for each department; when it is governed, the layout and each domain's bounds.

    `place` says where it is not governed, None if it is; `problem` why, where the statements themselves are allowed.
    """

    verdicts: Mapping[str, Verdict]
    lists: Mapping[str, DataList]
    layout: Layout | None
    bounds: Mapping[str, tuple[PersonBound | None, ...]]
    apart: Mapping[str, Apart | None]
    place: str | None
    problem: str | None = None
    noise: NoisePlan | None = None
    """Of a differentially private question, what each domain adds to what."""

    def reasons(self) -> list[Json]:
        """Every reason of every statement, as a partner is told."""
        found: list[Json] = [
            {"department": department, **reason.to_json(), "hint_zh": reason.hint_zh}
            for department, verdict in self.verdicts.items()
            for reason in verdict.reasons
        ]
        if self.problem is not None:
            found.append(
                {
                    "department": None,
                    "code": QuestionUnreadable.code,
                    "column": None,
                    "where": "statement",
                    "hint": self.problem,
                    "hint_zh": f"语句合规，但作业无法回答：{self.problem}",
                }
            )
        return found


@lru_cache(maxsize=512)
def asked_of(
    query: Query,
    parameters: tuple[ParameterValue, ...],
    *,
    scenario: Scenario,
    datasets: tuple[Dataset, ...],
) -> Asked:
    """`query` with `parameters` under `scenario`, whose cited data sets are `datasets`. Raises ParametersInvalid."""
    verdicts, lists = {}, {}
    for part in query.parts:
        lists[part.department] = data_list_of(scenario, datasets, part.department)
        text = fill(part.sql, query.parameters, parameters)
        verdicts[part.department] = check(text, lists[part.department])
    refused = next((d for d, verdict in verdicts.items() if not verdict.allowed), None)
    if refused is not None:
        return Asked(verdicts, lists, None, {}, {}, place=f"query.parts.{refused}.sql")
    try:
        figures = dict(_figures(query, verdicts, lists, datasets=datasets))
        shape = common([f.shape for f in figures.values()])
        layout = Layout(shape, query.groups, noised=query.rho is not None)
        noise = None if query.rho is None else noise_of(query.rho, shape, cells=layout.room, figures=figures)
        _check_alike(query, verdicts)
        apart = {
            department: apart_of(
                verdict.query, lists[department], sensitive_fields(_owned(datasets, department))
            )
            for department, verdict in verdicts.items()
            if verdict.query is not None
        }
    except PolicyError as error:
        return Asked(verdicts, lists, None, {}, {}, place="query.parts", problem=str(error))
    bounds = {department: figure.bounds(layout.shape) for department, figure in figures.items()}
    return Asked(verdicts, lists, layout, bounds, apart, place=None, noise=noise)


def columns_asked(asked: Asked, department: str) -> tuple[ListedColumn, ...]:
    """Every column `department`'s statement reads, with the use it is put to, for its enclave's decision."""
    query = asked.verdicts[department].query
    if query is None:
        raise QuestionUnreadable("expected a governed statement, got a refused one")
    return tuple(
        ListedColumn(department=department, dataset=field.table, column=field.column, use=Use(use.value))
        for field, use in columns_used(query, asked.lists[department])
    )


def _figures(
    query: Query,
    verdicts: Mapping[str, Verdict],
    lists: Mapping[str, DataList],
    *,
    datasets: tuple[Dataset, ...],
) -> Iterator[tuple[str, Figures]]:
    for department, verdict in verdicts.items():
        if verdict.query is None:
            raise QuestionUnreadable(f"expected a statement of `{department}`, got none")
        own = _owned(datasets, department)
        yield department, figures_of(verdict.query, lists[department], own, domains=len(query.parts))


def _owned(datasets: tuple[Dataset, ...], department: str) -> list[Dataset]:
    return [dataset for dataset in datasets if dataset.owner == department]


def _check_alike(query: Query, verdicts: Mapping[str, Verdict]) -> None:
    """HAVING, ORDER BY and LIMIT act on the one table that is released, and the dictionary has the statement's keys."""
    statements = [verdict.query for verdict in verdicts.values() if verdict.query is not None]
    first = statements[0]
    for statement in statements[1:]:
        havings = [None if s.having is None else s.having.at_least for s in (first, statement)]
        if havings[0] != havings[1] or (first.order, first.limit) != (statement.order, statement.limit):
            raise QuestionUnreadable(
                "expected the same HAVING, ORDER BY and LIMIT of every domain, got others"
            )
    if query.groups is not None and len(query.groups[0]) != len(first.keys):
        raise QuestionUnreadable(
            f"expected {len(first.keys)} keys in each cell of the group dictionary, got {len(query.groups[0])}"
        )
