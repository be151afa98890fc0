"""The price of one unit under an authorization: the filed price, or nothing for public benefit (RQ-178)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection

from policies.documents.authorization import Authorization, PurposeClass, Scenario
from policies.documents.price import PriceFiling
from sandbox.documents import registry


@dataclass(frozen=True, slots=True)
class Tariff:
    """What a unit costs and why. Amounts are in units of `currency`, never above the filed cap."""

    filing: str
    price_class: str
    usage_form: str
    purpose_class: str
    unit_price: Decimal
    currency: str


def tariff_of(connection: Connection, authorization: Authorization) -> Tariff | None:
    """The tariff of `authorization`; None while its scenario or price filing is not here, which denies."""
    scenario = registry.find(connection, authorization.scenario)
    filing = registry.find(connection, authorization.price_filing)
    if scenario is None or filing is None:
        return None
    purpose = Scenario.read(scenario.envelope).purpose.purpose_class
    price = PriceFiling.read(filing.envelope)
    return Tariff(
        filing=authorization.price_filing,
        price_class=price.price_class,
        usage_form=price.usage_form.value,
        purpose_class=purpose.value,
        unit_price=unit_price(price, purpose),
        currency=price.currency,
    )


def unit_price(price: PriceFiling, purpose: PurposeClass) -> Decimal:
    """What one unit costs under `price` for `purpose`."""
    return Decimal(0) if purpose is PurposeClass.PUBLIC_BENEFIT else Decimal(price.price)
