"""What a department declares about a data set: metadata, columns, roles and grades, never a row.

The five facts the plan makes mandatory (name, format, source, update frequency, volume; RQ-166) have no defaults.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from policies.documents.document import Document
from policies.documents.fields import Bilingual, ColumnName, DecimalText, Instant, Party, Record, ShortText


class ColumnType(StrEnum):
    """Logical column types; connectors map them to engine types."""

    INTEGER = "integer"
    DECIMAL = "decimal"
    TEXT = "text"
    BOOLEAN = "boolean"
    DATE = "date"
    RESIDENT_ID = "resident-id"


class Grade(StrEnum):
    """Data grade of the plan, chapter 6(7): general, important, core data."""

    GENERAL = "general"
    IMPORTANT = "important"
    CORE = "core"


class Use(StrEnum):
    """What a data list may allow a column for (design.md §5)."""

    PERSON = "person"
    GROUP = "group"
    FILTER = "filter"
    MEASURE = "measure"
    JOIN = "join"
    FEATURE = "feature"


class SyncFrequency(StrEnum):
    """The seven synchronization frequencies of the plan, chapter 4(3) (RQ-106)."""

    ONCE = "once"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    HALF_YEARLY = "half-yearly"
    YEARLY = "yearly"


class BaseLibrary(StrEnum):
    """Base library a resource belongs to (RQ-024)."""

    POPULATION = "population"
    LEGAL_PERSON = "legal-person"
    HOUSING = "housing"
    OTHER = "other"


class Bounds(Record):
    """Inclusive numeric bounds a column's values are declared to lie in."""

    low: DecimalText
    high: DecimalText

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if Decimal(self.low) > Decimal(self.high):
            raise ValueError("expected low ≤ high")
        return self


class Column(Record):
    """One column: its type, grade and the uses the department is ready to allow at all."""

    name: ColumnName
    type: ColumnType
    title: Bilingual
    grade: Grade
    sensitive: bool
    nullable: bool
    uses: tuple[Use, ...]
    bounds: Bounds | None = None
    """Numeric columns: what a row outside of is refused for, and what the dummy twin draws from."""
    categories: Annotated[tuple[ShortText, ...], Field(max_length=200)] | None = None
    unit: ShortText | None = None


class Volume(Record):
    """Declared size, for the catalogue and the dummy twin."""

    rows: Annotated[int, Field(ge=0)]
    persons: Annotated[int, Field(ge=0)]


class Desensitization(Record):
    """The recorded desensitization and security step without which no authorization may cite the data (RQ-074)."""

    method: Bilingual
    performed_at: Instant


class Dataset(Document):
    """A data set in a department's catalogue; signed by the department."""

    kind: ClassVar[str] = "dataset"

    version: Annotated[int, Field(ge=1)]
    owner: Party
    name: Bilingual
    format: ShortText
    source: Bilingual
    library: BaseLibrary
    grade: Grade
    personal: bool
    source_frequency: SyncFrequency
    sync_frequency: SyncFrequency
    volume: Volume
    desensitization: Desensitization
    columns: Annotated[tuple[Column, ...], Field(min_length=1, max_length=200)]
    row_key: Annotated[tuple[ColumnName, ...], Field(min_length=1, max_length=4)]
    person_column: ColumnName | None
    order_column: ColumnName | None = None
    """Integer or date column that orders a person's rows; a score reads the latest row up to an authorized value."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names):
            raise ValueError("expected each column once")
        named = [*self.row_key, *filter(None, (self.person_column, self.order_column))]
        if not set(named) <= set(names):
            raise ValueError("expected row_key, person_column and order_column among the columns")
        person = self.column(self.person_column) if self.person_column else None
        if person is not None and person.type is not ColumnType.RESIDENT_ID:
            raise ValueError("expected the person column to be a resident-id")
        if any(c.type is ColumnType.RESIDENT_ID and c.name != self.person_column for c in self.columns):
            raise ValueError("expected no resident-id outside the person column")
        order = self.column(self.order_column) if self.order_column else None
        if order is not None and order.type not in {ColumnType.INTEGER, ColumnType.DATE}:
            raise ValueError("expected the order column to be an integer or a date")
        if self.personal != (self.person_column is not None):
            raise ValueError("expected a person column exactly when the data set is personal")
        return self

    @property
    def one_row_per_person(self) -> bool:
        return self.row_key == (self.person_column,)

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)
