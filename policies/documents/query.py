"""A partner's question as a document: one governed statement for each domain it is asked of, and how the answer is laid out.

- One **part** a department: SQL over that department's data sets under their ids, within the allowed class (`policies.sql`).
- Several domains need **groups**, the fixed public dictionary of cells: every domain contributes to all of them, so that
  nothing shows which cells a domain has (attack A17). In one domain the cells may be left to the data.
- A **template** declares **parameters**; a job gives their values, and each stands in the text as `{name}`. A value is only
  ever put in as a literal of its declared type, and the text is read by the gate afterwards like any other.

Signed by the partner. Whether the statement is allowed is decided by `policies.sql`, whether it may run by `policies.decision`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Final, Self

from pydantic import Field, model_validator

from policies.documents.document import Document
from policies.documents.fields import Bilingual, ColumnName, DecimalText, Party, Record, Sha256

MAX_SQL: Final = 8192
MAX_CELLS: Final = 500
MAX_KEYS: Final = 3

KeyText = Annotated[str, Field(max_length=64)]
"""A group key as the result writes it; None stands for a missing value."""


class ResultFormat(StrEnum):
    """How the table is written."""

    CSV = "csv"
    JSON = "json"
    ARROW = "arrow"


class QueryPart(Record):
    """What is asked of one domain."""

    department: Party
    sql: Annotated[str, Field(min_length=1, max_length=MAX_SQL)]


class ParameterType(StrEnum):
    """Which literal a value becomes."""

    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    TEXT = "text"


class Parameter(Record):
    """A place in the text of a template; `choices`, where given, are all the values it may take."""

    name: ColumnName
    type: ParameterType
    choices: Annotated[tuple[KeyText, ...], Field(min_length=1, max_length=100)] | None = None


class ParameterValue(Record):
    """A value for one parameter, as text."""

    name: ColumnName
    value: KeyText


class Query(Document):
    """One question, the same shape in every domain; signed by the partner."""

    kind: ClassVar[str] = "query"

    partner: Party
    scenario: Sha256
    title: Bilingual
    parts: Annotated[tuple[QueryPart, ...], Field(min_length=1, max_length=50)]
    parameters: Annotated[tuple[Parameter, ...], Field(max_length=16)] = ()
    groups: (
        Annotated[
            tuple[Annotated[tuple[KeyText | None, ...], Field(max_length=MAX_KEYS)], ...],
            Field(min_length=1, max_length=MAX_CELLS),
        ]
        | None
    ) = None
    format: ResultFormat = ResultFormat.JSON
    rho: DecimalText | None = None
    """zCDP budget of the answer; None for an exact answer under the disclosure rules alone."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        departments = [part.department for part in self.parts]
        if departments != sorted(set(departments)):
            raise ValueError("expected the parts sorted by department, each once")
        names = [parameter.name for parameter in self.parameters]
        if names != sorted(set(names)):
            raise ValueError("expected the parameters sorted by name, each once")
        if self.groups is None:
            if len(self.parts) > 1:
                raise ValueError("expected a public group dictionary with several domains")
        elif len(set(self.groups)) != len(self.groups) or len({len(keys) for keys in self.groups}) != 1:
            raise ValueError("expected each cell of the group dictionary once, all with as many keys")
        return self

    @property
    def departments(self) -> tuple[str, ...]:
        return tuple(part.department for part in self.parts)

    def part(self, department: str) -> QueryPart | None:
        return next((part for part in self.parts if part.department == department), None)
