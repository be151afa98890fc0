"""`domicile estimate`: what a noisy release would show and cost, before anything is spent.

Needs no data, service, network or key. The gate judges the SQL first; a query that it refuses is not priced. The noise is that
of the pipeline (`sandbox.cli.supposed`); what a data list does not say is supposed for the worse. What was spent already is in
the ledgers of the enclaves (`domicile enclave budget`); here it is what the caller says, by default nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Final

import typer

from policies.aggregate.listing import DEFAULT_ROWS_PER_PERSON, MAX_ROWS_PER_PERSON
from policies.aggregate.noise import NoisePlan
from policies.documents.query import MAX_CELLS
from policies.documents.strict_json import Json
from policies.privacy.budget import LARGEST, Remaining, Spent, remaining
from policies.privacy.errors import PrivacyInvalid
from policies.privacy.shares import MAX_PARTIES
from policies.privacy.zcdp import QUERY_RHO, RHO_UNIT, rho_of
from policies.sql.data_list import DataList
from policies.sql.gate import Verdict, check
from sandbox.cli.exits import DONE, REFUSED
from sandbox.cli.output import MODE, Answer, Language, answers
from sandbox.cli.supposed import Supposed, outlook
from sandbox.client.errors import InputMalformed

_DEFAULT_RHO: Final = f"{float(QUERY_RHO):g}"


@dataclass(frozen=True, slots=True)
class _Account:
    """What one release costs, how many are meant, and what was spent before."""

    rho: Fraction
    releases: int
    spent: Spent

    @property
    def before(self) -> Remaining:
        return remaining(self.spent)

    @property
    def after(self) -> Remaining:
        total = self.releases * self.rho
        return remaining(Spent(self.spent.scenario + total, self.spent.person + total))

    @property
    def fits(self) -> bool:
        return self.before.repeats(self.rho) >= self.releases


@answers
def estimate(
    data_list: Annotated[
        Path,
        typer.Option(help="The data list (JSON), as the query gate reads it.", exists=True, dir_okay=False),
    ],
    sql: Annotated[str, typer.Option(help="The query.")],
    rho: Annotated[str, typer.Option(help="What the release may spend, a decimal.")] = _DEFAULT_RHO,
    persons: Annotated[
        int | None, typer.Option(min=1, help="Size of the cells that errors of averages are meant for.")
    ] = None,
    domains: Annotated[
        int, typer.Option(min=1, max=MAX_PARTIES, help="How many departments are asked, one query each.")
    ] = 1,
    rows: Annotated[
        int, typer.Option(min=1, max=MAX_ROWS_PER_PERSON, help="The most rows of one person in a table.")
    ] = DEFAULT_ROWS_PER_PERSON,
    cells: Annotated[
        int | None, typer.Option(min=1, max=MAX_CELLS, help="Cells of the public dictionary; else the most.")
    ] = None,
    releases: Annotated[int, typer.Option(min=1, help="How many such releases are meant.")] = 1,
    scenario_spent: Annotated[str, typer.Option(help="rho that the scenario spent this quarter.")] = "0",
    person_spent: Annotated[str, typer.Option(help="rho spent on these people this year.")] = "0",
) -> Answer:
    """Tell the expected error, the epsilon and the share of the privacy budgets of a query, before it is run."""
    read = DataList.read(data_list.read_bytes())
    verdict = check(sql, read)
    if verdict.query is None:
        return _refusal(verdict)
    supposed = Supposed(domains, rows, cells or (MAX_CELLS if verdict.query.keys else 1))
    try:
        account = _Account(rho_of(rho), releases, Spent(_spent(scenario_spent), _spent(person_spent)))
        found = outlook(verdict.query, read, rho=rho, supposed=supposed)
    except PrivacyInvalid as error:
        raise InputMalformed(str(error)) from None
    told = found.plan.as_json()
    errors = found.errors(persons)
    assumed: dict[str, Json] = {
        "domains": domains,
        "rows": found.figures.rows_per_person,
        "cells": supposed.cells,
        "persons": persons,
    }
    return Answer(
        {
            "allowed": True,
            **{name: told[name] for name in ("rho", "epsilon", "delta")},
            "assumed": assumed,
            "outputs": _outputs(errors),
            "released": _released(found.plan, told["noise"]),
            "budgets": _budgets(account),
            "fits": account.fits,
        },
        [*_error_lines(errors, assumed), *_budget_lines(account, told)],
        status=DONE if account.fits else REFUSED,
    )


def _refusal(verdict: Verdict) -> Answer:
    chinese = MODE.language is Language.ZH
    reasons = [reason.to_json(chinese=chinese) for reason in verdict.reasons]
    lines = [f"{r['code']}: {r['column'] or r['where']}: {r['hint']}" for r in reasons]
    value: list[Json] = [{**reason} for reason in reasons]
    return Answer({"allowed": False, "reasons": value}, ["refused by the query gate", *lines], status=REFUSED)


def _outputs(errors: Mapping[str, float | None]) -> list[Json]:
    return [
        {"name": name, "error_95": None if error is None else _figure(error)}
        for name, error in errors.items()
    ]


def _released(plan: NoisePlan, told: Json) -> list[Json]:
    """Every noised number as its recipient would be told, with its part of rho and what each domain adds in its steps."""
    return [
        {**number, "rho": _decimal(noise.rho), "variance": str(noise.share.variance)}
        for number, noise in zip(told if isinstance(told, list) else (), plan.lanes, strict=True)
        if isinstance(number, dict)
    ]


def _budgets(account: _Account) -> dict[str, Json]:
    shares = {"scenario": LARGEST.scenario, "person": LARGEST.person}
    left = {"scenario": account.after.scenario, "person": account.after.person}
    each: dict[str, Json] = {
        name: {
            "budget": _decimal(budget),
            "share": _figure(float(account.rho / budget)),
            "remaining": _decimal(left[name]),
        }
        for name, budget in shares.items()
    }
    return {**each, "releases": account.releases, "releases_that_fit": account.before.repeats(account.rho)}


def _error_lines(errors: Mapping[str, float | None], assumed: Mapping[str, Json]) -> list[str]:
    width = max(map(len, errors))
    lines = ["expected error of each cell, 95 %:"]
    for name, error in errors.items():
        known = "depends on the cell; give --persons" if error is None else f"± {error:,.6g}"
        lines.append(f"  {name:<{width}}  {known}")
    if (persons := assumed["persons"]) is not None:
        lines.append(f"  averages in cells of {persons:,} persons")
    words = [(assumed[name], name[:-1]) for name in ("domains", "rows", "cells")]
    domains, rows, cells = (f"{number} {word}{'' if number == 1 else 's'}" for number, word in words)
    return [*lines, f"  supposing {domains}, {rows} of a person, {cells}"]


def _budget_lines(account: _Account, told: Mapping[str, Json]) -> list[str]:
    before, after = account.before, account.after
    rows = (
        ("scenario, quarter", LARGEST.scenario, after.scenario),
        ("person, year", LARGEST.person, after.person),
    )
    lines = [f"rho {told['rho']} a release: epsilon {told['epsilon']} at delta {told['delta']}"]
    for name, budget, left in rows:
        share = f"{float(account.rho / budget):.1%} of {_decimal(budget)}"
        lines.append(f"  {name:<17}  {share}, {_decimal(left)} left after {account.releases}")
    lines.append(
        f"{before.repeats(account.rho)} such releases fit; the same query on the same snapshot again is free and"
        " shows the same answer"
    )
    return lines if account.fits else [*lines, f"refused: {account.releases} do not fit"]


def _spent(text: str) -> Fraction:
    return Fraction(0) if text == "0" else rho_of(text)


def _figure(value: float) -> str:
    """Six significant digits, without an exponent."""
    return format(Decimal(f"{value:.6g}"), "f")


def _decimal(value: Fraction) -> str:
    """Exact: every value shown is a whole number of the ledger's units."""
    whole = f"{int(value / RHO_UNIT):010d}"
    return f"{whole[:-9]}.{whole[-9:]}".rstrip("0").rstrip(".")
