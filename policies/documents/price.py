"""A filed price: the cap, the agreed price, and where they were filed. Forming the price is left to the pricing module."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from policies.documents.document import Document, Term
from policies.documents.fields import Bilingual, DecimalText, Id, Party, Record, Sha256, ShortText


class UsageForm(StrEnum):
    """The five usage forms of the plan, chapter 6(4) (RQ-210 … RQ-214)."""

    API_CALL = "api-call"
    ALERT = "alert"
    DATASET = "dataset"
    LABEL = "label"
    REPORT = "report"


class Filing(Record):
    """One authority notified of the cap (RQ-247)."""

    authority: Party
    number: ShortText


class PriceFiling(Document):
    """A price in force for one price class; signed by operator and agency."""

    kind: ClassVar[str] = "price-filing"

    price_class: Id
    product: Bilingual
    usage_form: UsageForm
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    cap: DecimalText
    price: DecimalText
    """Agreed price per unit of the usage form, in yuan; never above the cap (RQ-196)."""
    assessment: Sha256
    filings: Annotated[tuple[Filing, ...], Field(min_length=1, max_length=4)]
    term: Term

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not 0 <= Decimal(self.price) <= Decimal(self.cap):
            raise ValueError("expected a price between zero and the cap")
        return self
