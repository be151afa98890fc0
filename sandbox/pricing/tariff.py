"""The price of one unit under an authorization: the filed price, or nothing for public benefit (RQ-178). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from policies.documents.authorization import PurposeClass
from policies.documents.price import PriceFiling


@dataclass(frozen=True, slots=True)
class Tariff:
    """What a unit costs and why: `filing` is the price filing's digest, `unit_price` in units of `currency`."""

    filing: str
    price_class: str
    usage_form: str
    purpose_class: str
    unit_price: Decimal
    currency: str


def tariff_of(price: PriceFiling, *, filing: str, purpose: PurposeClass) -> Tariff:
    """The tariff under `price`, whose digest is `filing`, for use of class `purpose`."""
    return Tariff(
        filing=filing,
        price_class=price.price_class,
        usage_form=price.usage_form.value,
        purpose_class=purpose.value,
        unit_price=unit_price(price, purpose),
        currency=price.currency,
    )


def unit_price(price: PriceFiling, purpose: PurposeClass) -> Decimal:
    """What one unit costs under `price` for `purpose`."""
    return Decimal(0) if purpose is PurposeClass.PUBLIC_BENEFIT else Decimal(price.price)
