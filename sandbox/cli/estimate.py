"""`domicile estimate`: what a noisy release would show and cost, before anything is spent.

Needs no data, service, network or key. The gate judges the SQL first; a query that it refuses is not priced. What was spent
already is in the ledgers of the enclaves; here it is what the caller says, by default nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Final

import typer

from policies.documents.strict_json import Json
from policies.privacy.budget import LARGEST, Remaining, Spent, remaining
from policies.privacy.errors import PrivacyInvalid
from policies.privacy.outputs import Estimate, Priced, price, rows_of_a_person
from policies.privacy.zcdp import DELTA, QUERY_RHO, RHO_UNIT, epsilon, rho_of
from policies.sql.data_list import DataList
from policies.sql.gate import Verdict, check
from sandbox.cli.exits import DONE, REFUSED
from sandbox.cli.output import MODE, Answer, Language, answers
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
    rows: Annotated[int, typer.Option(min=1, help="The most rows of one person in a cell.")] = 1,
    groups: Annotated[int, typer.Option(min=1, help="The most cells that one person is in.")] = 1,
    releases: Annotated[int, typer.Option(min=1, help="How many such releases are meant.")] = 1,
    scenario_spent: Annotated[str, typer.Option(help="rho that the scenario spent this quarter.")] = "0",
    person_spent: Annotated[str, typer.Option(help="rho spent on these people this year.")] = "0",
) -> Answer:
    """Tell the expected error, the epsilon and the share of the privacy budgets of a query, before it is run."""
    read = DataList.read(data_list.read_bytes())
    verdict = check(sql, read)
    if verdict.query is None:
        return _refusal(verdict)
    try:
        account = _Account(rho_of(rho), releases, Spent(_spent(scenario_spent), _spent(person_spent)))
        priced = price(verdict.query, read, rho=account.rho, rows=rows, groups=groups, cell_rows=persons)
    except PrivacyInvalid as error:
        raise InputMalformed(str(error)) from None
    assumed: dict[str, Json] = {
        "rows": rows_of_a_person(verdict.query, read, rows=rows),
        "groups": groups,
        "persons": persons,
    }
    return Answer(
        {
            "allowed": True,
            "rho": _decimal(account.rho),
            "epsilon": _figure(epsilon(account.rho)),
            "delta": _figure(float(DELTA)),
            "assumed": assumed,
            "outputs": _outputs(priced),
            "released": _released(priced),
            "budgets": _budgets(account),
            "fits": account.fits,
        },
        [*_error_lines(priced.estimates, persons), *_budget_lines(account)],
        status=DONE if account.fits else REFUSED,
    )


def _refusal(verdict: Verdict) -> Answer:
    chinese = MODE.language is Language.ZH
    reasons = [reason.to_json(chinese=chinese) for reason in verdict.reasons]
    lines = [f"{r['code']}: {r['column'] or r['where']}: {r['hint']}" for r in reasons]
    value: list[Json] = [{**reason} for reason in reasons]
    return Answer({"allowed": False, "reasons": value}, ["refused by the query gate", *lines], status=REFUSED)


def _outputs(priced: Priced) -> list[Json]:
    return [
        {"name": each.name, "error_95": None if each.error_95 is None else _figure(each.error_95)}
        for each in priced.estimates
    ]


def _released(priced: Priced) -> list[Json]:
    return [
        {
            "name": noise.measure.name,
            "rho": _decimal(noise.rho),
            "error_95": _figure(float(noise.error_95)),
            "scale": str(noise.measure.scale),
            "variance": str(noise.sigma2),
        }
        for noise in priced.noises
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


def _error_lines(estimates: Sequence[Estimate], persons: int | None) -> list[str]:
    width = max(len(each.name) for each in estimates)
    lines = ["expected error of each cell, 95 %:"]
    for each in estimates:
        known = (
            f"± {each.error_95:,.6g}" if each.error_95 is not None else "depends on the cell; give --persons"
        )
        lines.append(f"  {each.name:<{width}}  {known}")
    return lines if persons is None else [*lines, f"  averages in cells of {persons:,} persons"]


def _budget_lines(account: _Account) -> list[str]:
    before, after = account.before, account.after
    rows = (
        ("scenario, quarter", LARGEST.scenario, after.scenario),
        ("person, year", LARGEST.person, after.person),
    )
    lines = [
        f"rho {_decimal(account.rho)} a release: epsilon {epsilon(account.rho):.2f} at delta {_figure(float(DELTA))}"
    ]
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
