"""Rating against a slow reference in exact fractions: order and repetition do not matter, each line is rounded once."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.documents.document import DocumentInvalid, Term
from policies.documents.price import Filing, PriceFiling, UsageForm
from policies.documents.strict_json import Json
from sandbox.pricing.errors import UsageInvalid
from sandbox.pricing.rate import Invoice, rate
from tests.sandbox.kit import both
from tests.sandbox.papers import digest_of

PERIOD = "2026-11"
PRICES = ("0.00", "0.005", "0.015", "0.125", "1.25", "0.333333", "19.999999", "20.00")
Event = dict[str, Json]


def filing(price: str, *, cap: str = "20.00") -> PriceFiling:
    return PriceFiling(
        id="price",
        price_class="score",
        product=both("score"),
        usage_form=UsageForm.API_CALL,
        currency="CNY",
        cap=cap,
        price=price,
        assessment=digest_of("assessment"),
        filings=(Filing(authority="price-office", number="1"),),
        term=Term(not_before="2026-01-01T00:00:00Z", not_after="2026-11-20T00:00:00Z"),
    )


FILINGS = {digest_of(price): filing(price) for price in PRICES}


def event(
    number: int, *, price: str, units: int, day: int = 3, free: bool = False, recipient: str = "insurer"
) -> Event:
    at = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(days=day - 1)
    return {
        "id": f"event-{number}",
        "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "data": {
            "recipient": recipient,
            "authorization": digest_of(f"authorization {number % 3}"),
            "price_filing": digest_of(price),
            "purpose_class": "public-benefit" if free else "commercial",
            "units": units,
        },
    }


def reference(events: list[Event]) -> tuple[dict[tuple[str, str, str], tuple[int, Fraction]], Fraction]:
    """Lines and total, with fractions and nothing clever; amounts are whole fen as fractions of a yuan."""
    once: dict[str, Event] = {str(e["id"]): e for e in events}
    units: dict[tuple[str, str, str], int] = {}
    for found in once.values():
        data = found["data"]
        assert isinstance(data, dict)
        if data["recipient"] == "insurer" and str(found["time"]).startswith(PERIOD):
            line = (str(data["authorization"]), str(data["price_filing"]), str(data["purpose_class"]))
            units[line] = units.get(line, 0) + int(str(data["units"]))
    lines = {}
    for line, count in units.items():
        price = Fraction(0) if line[2] == "public-benefit" else Fraction(FILINGS[line[1]].price)
        # Half a fen goes up: floor(x + 1/2) in whole fen.
        fen = (price * count * 100 + Fraction(1, 2)).__floor__()
        lines[line] = (count, Fraction(fen, 100))
    return lines, sum((amount for _, amount in lines.values()), Fraction(0))


def seen(invoice: Invoice) -> tuple[dict[tuple[str, str, str], tuple[int, Fraction]], Fraction]:
    lines = {
        (line.rated.authorization, line.rated.filing, line.rated.purpose_class): (
            line.units,
            Fraction(line.amount),
        )
        for line in invoice.lines
    }
    return lines, Fraction(invoice.total)


EVENTS = st.lists(
    st.builds(
        event,
        st.integers(0, 10**6),
        price=st.sampled_from(PRICES),
        units=st.integers(1, 10**6),
        day=st.integers(-5, 19),
        free=st.booleans(),
        recipient=st.sampled_from(["insurer", "other-insurer"]),
    ),
    max_size=30,
    unique_by=lambda e: str(e["id"]),
)


@pytest.mark.req("RQ-140", "RQ-178")
@settings(deadline=None)
@given(EVENTS, st.randoms(use_true_random=False))
def test_an_invoice_is_what_exact_fractions_say_whatever_order_and_repetition(
    events: list[Event], shuffle: random.Random
) -> None:
    given_twice = events + shuffle.sample(events, len(events) // 2)
    shuffle.shuffle(given_twice)
    invoice = rate(given_twice, FILINGS, recipient="insurer", period=PERIOD)
    assert seen(invoice) == reference(events)
    assert rate(events, FILINGS, recipient="insurer", period=PERIOD) == invoice


@pytest.mark.parametrize(
    ("price", "units", "amount"),
    [
        ("0.005", 1, "0.01"),
        ("0.005", 3, "0.02"),
        ("0.015", 1, "0.02"),
        ("0.125", 2, "0.25"),
        ("0.333333", 3, "1.00"),
    ],
)
def test_a_line_is_rounded_half_up_once(price: str, units: int, amount: str) -> None:
    invoice = rate([event(0, price=price, units=units)], FILINGS, recipient="insurer", period=PERIOD)
    assert [format(line.amount, "f") for line in invoice.lines] == [amount]
    single = [event(3 * n, price=price, units=1) for n in range(units)]
    assert rate(single, FILINGS, recipient="insurer", period=PERIOD).total == Decimal(amount)


def test_public_benefit_is_free_and_still_listed() -> None:
    invoice = rate([event(0, price="1.25", units=7, free=True)], FILINGS, recipient="insurer", period=PERIOD)
    assert [(line.units, line.amount) for line in invoice.lines] == [(7, Decimal("0.00"))]


@pytest.mark.req("RQ-196")
def test_a_price_above_its_cap_cannot_be_filed() -> None:
    with pytest.raises(DocumentInvalid):
        PriceFiling.from_body({**filing("1.00").to_body(), "price": "20.01"})


@pytest.mark.req("RQ-196")
def test_a_price_above_its_cap_would_not_be_charged_either() -> None:
    above = filing("1.00").model_copy(update={"price": "25.00"})
    digest = digest_of("1.25")
    invoice = rate([event(0, price="1.25", units=2)], {digest: above}, recipient="insurer", period=PERIOD)
    assert invoice.total == Decimal("40.00")


def test_a_price_not_in_force_is_not_charged() -> None:
    with pytest.raises(UsageInvalid, match="in force"):
        rate([event(0, price="1.25", units=1, day=25)], FILINGS, recipient="insurer", period=PERIOD)
    with pytest.raises(UsageInvalid, match="in force"):
        rate([event(0, price="1.25", units=1)], {}, recipient="insurer", period=PERIOD)


@pytest.mark.parametrize("units", [0, -1, True, "1", 1.5, None])
def test_units_that_are_no_count_are_refused(units: Json) -> None:
    crooked = event(0, price="1.25", units=1)
    data = crooked["data"]
    assert isinstance(data, dict)
    data["units"] = units
    with pytest.raises(UsageInvalid):
        rate([crooked], FILINGS, recipient="insurer", period=PERIOD)


def test_an_event_without_its_parts_is_refused() -> None:
    for crooked in ({}, {"id": 1, "time": "x", "data": {}}, {"id": "a", "time": "2026-11-01", "data": {}}):
        with pytest.raises(UsageInvalid):
            rate([crooked], FILINGS, recipient="insurer", period=PERIOD)  # type: ignore[list-item]  # crooked on purpose
