"""Rating: from a month's usage events to an invoice, exact to the fen. Pure: events and filings in, invoice out.

Rules this module decides:

- An event counts once, whatever its order and however often it is given (its id is its identity).
- The price of a unit is that of the filing the event names, which must have been in force when it was delivered, and never
  above the cap of that filing (RQ-196). Public-benefit use is free (RQ-178) and still listed.
- One line for each authorization, filing and purpose class: units × price, rounded half-up to the fen once (RR5). The total
  is the sum of the rounded lines.

Source: pricing rule RR5. Tax, distribution and settlement are left to later rooms.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from policies.documents.authorization import PurposeClass
from policies.documents.fields import instant
from policies.documents.price import PriceFiling
from policies.documents.strict_json import Json
from sandbox.pricing.errors import UsageInvalid
from sandbox.pricing.tariff import unit_price

FEN: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True, order=True)
class Rated:
    """What is rated alike."""

    authorization: str
    filing: str
    purpose_class: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an invoice. Amounts in yuan; `amount` has two decimals."""

    rated: Rated
    units: int
    unit_price: Decimal
    amount: Decimal

    def to_json(self) -> dict[str, Json]:
        return {
            "authorization": self.rated.authorization,
            "price_filing": self.rated.filing,
            "purpose_class": self.rated.purpose_class,
            "units": self.units,
            "unit_price": format(self.unit_price, "f"),
            "amount": format(self.amount, "f"),
        }


@dataclass(frozen=True, slots=True)
class Invoice:
    """The rated month of one recipient."""

    recipient: str
    period: str
    currency: str
    lines: tuple[Line, ...]

    @property
    def total(self) -> Decimal:
        return sum((line.amount for line in self.lines), Decimal("0.00"))

    def to_json(self) -> dict[str, Json]:
        return {
            "recipient": self.recipient,
            "period": self.period,
            "currency": self.currency,
            "lines": [line.to_json() for line in self.lines],
            "total": format(self.total, "f"),
        }


def rate(
    usage: Iterable[Mapping[str, Json]], filings: Mapping[str, PriceFiling], *, recipient: str, period: str
) -> Invoice:
    """The invoice of `recipient` for `period` (YYYY-MM); raise `UsageInvalid` for what cannot be rated."""
    seen: set[str] = set()
    units: dict[Rated, int] = defaultdict(int)
    for event in usage:
        event_id, at, data = _parts(event)
        if event_id in seen or data.get("recipient") != recipient or at[:7] != period:
            continue
        seen.add(event_id)
        rated = Rated(str(data["authorization"]), str(data["price_filing"]), str(data["purpose_class"]))
        _check_in_force(filings, rated, at)
        units[rated] += _units(data)
    lines = tuple(_line(filings[rated.filing], rated, units[rated]) for rated in sorted(units))
    currencies = {filings[line.rated.filing].currency for line in lines} or {"CNY"}
    if len(currencies) != 1:
        raise UsageInvalid(f"expected one currency in an invoice, got {len(currencies)}")
    return Invoice(recipient, period, currencies.pop(), lines)


def _line(filing: PriceFiling, rated: Rated, units: int) -> Line:
    price = min(unit_price(filing, PurposeClass(rated.purpose_class)), Decimal(filing.cap))
    return Line(rated, units, price, (price * units).quantize(FEN, ROUND_HALF_UP))


def _parts(event: Mapping[str, Json]) -> tuple[str, str, dict[str, Json]]:
    event_id, at, data = event.get("id"), event.get("time"), event.get("data")
    if not isinstance(event_id, str) or not isinstance(at, str) or not isinstance(data, dict):
        raise UsageInvalid("expected an event with id, time and data")
    if not {"authorization", "price_filing", "purpose_class", "units", "recipient"} <= set(data):
        raise UsageInvalid(f"expected an event with all it is rated by, got `{event_id[:40]}` without")
    return event_id, at, data


def _units(data: Mapping[str, Json]) -> int:
    units = data["units"]
    if type(units) is not int or units < 1:
        raise UsageInvalid("expected a positive number of units")
    return units


def _check_in_force(filings: Mapping[str, PriceFiling], rated: Rated, at: str) -> None:
    filing = filings.get(rated.filing)
    if filing is None or not filing.term.contains(instant(at)):
        raise UsageInvalid(f"expected a price in force at {at}, got none in filing {rated.filing[:16]}")
