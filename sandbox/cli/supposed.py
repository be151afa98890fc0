"""A query supposed to be asked with noise: the pipeline's own plan of it from a data list alone, and how far off it will be.

Rules:
1. The plan is that of `policies.aggregate.noise`, over the shape of `policies.aggregate.shape`: what the enclaves would draw.
2. A data list does not say how many rows a person may have. Every table is supposed to be declared with `rows`, the row key
   being person and an order column of that span; the same query is supposed to go to `domains` departments.
3. A count or a sum is off by its own noise; averages need the size of a cell (`policies.privacy.outputs`). What a statement's
   own ROUND adds, and the clipping of rows to their bounds, are not counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from policies.aggregate.noise import LaneNoise, NoisePlan, noise_of
from policies.aggregate.shape import Figures, figures_of
from policies.disclosure.cells import Kind, Measure
from policies.disclosure.noised import PERSONS, NoisedLane
from policies.documents.dataset import Dataset
from policies.documents.document import DocumentInvalid
from policies.documents.strict_json import Json
from policies.privacy.accuracy import half_width
from policies.privacy.outputs import Ratio, deviation_error, mean_error, variance_error
from policies.sql.data_list import DataList, Table
from policies.sql.query import Query
from sandbox.client.errors import InputMalformed

_DEVIATIONS: Final = frozenset({Kind.STDDEV, Kind.STDDEV_POP})
_PERSON: Final = "person"
_ORDER: Final = "row"


@dataclass(frozen=True, slots=True)
class Supposed:
    """What a data list does not say: how many departments are asked, rows of a person in each table, public cells."""

    domains: int
    rows: int
    cells: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """The figures of one domain, and the noise of all."""

    figures: Figures
    plan: NoisePlan

    def errors(self, cell_rows: int | None) -> dict[str, float | None]:
        """Half the width of the 95 % interval of each output, in its unit; None for an average without a size of cells."""
        noises = {noise.lane: noise for noise in self.plan.lanes}
        return {
            measure.name: self._error(place, measure, noises, cell_rows=cell_rows)
            for place, measure in enumerate(self.plan.shape.measures)
        }

    def _error(
        self,
        place: int,
        measure: Measure,
        noises: Mapping[NoisedLane, LaneNoise],
        *,
        cell_rows: int | None,
    ) -> float | None:
        own = {lane.lane: noise.share.total for lane, noise in noises.items() if lane.measure == place}
        unit: int = 10**measure.scale
        if len(own) < 2:
            # A count of all persons of a cell is the cell's own lane.
            (variance,) = own.values() or (noises[PERSONS].share.total,)
            return half_width(variance) / unit
        if cell_rows is None:
            return None
        bounds = self.figures.amounts[place]
        largest = Fraction(0) if bounds is None else Fraction(max(abs(bounds.low), abs(bounds.high)))
        ratio = Ratio(own["total"] / unit**2, own["rows"], largest, cell_rows)
        if not measure.kind.is_dispersion:
            return mean_error(ratio)
        off = deviation_error if measure.kind in _DEVIATIONS else variance_error
        return off(ratio, own["squares"] / unit**4)


def outlook(query: Query, data_list: DataList, *, rho: str, supposed: Supposed) -> Outlook:
    """What `rho` buys for `query`. Raises PrivacyInvalid, QuestionUnreadable or InputMalformed."""
    if not query.keys and supposed.cells != 1:
        raise InputMalformed("expected one cell for a query without keys, got more")
    tables = [table for table in map(data_list.table, query.tables) if table is not None]
    declared = [_declared(table, rows=supposed.rows) for table in tables]
    figures = figures_of(query, data_list, declared, domains=supposed.domains)
    everybody = {f"domain-{number}": figures for number in range(1, supposed.domains + 1)}
    return Outlook(figures, noise_of(rho, figures.shape, cells=supposed.cells, figures=everybody))


def _declared(table: Table, *, rows: int) -> Dataset:
    """A declaration under which a person has at most `rows` rows; never signed, and read for its rows alone."""
    text: Json = {"zh": "设想", "en": "supposed"}
    key: list[Json] = [_PERSON] if rows == 1 else [_PERSON, _ORDER]
    span: Json = {"low": "1", "high": str(rows)}
    columns: list[Json] = [_column(_PERSON, "resident-id", None), _column(_ORDER, "integer", span)]
    try:
        return Dataset.from_body(
            {
                "id": table.name,
                "version": 1,
                "owner": "supposed",
                "name": text,
                "format": "supposed",
                "source": text,
                "library": "other",
                "grade": "general",
                "personal": True,
                "source_frequency": "daily",
                "sync_frequency": "daily",
                "volume": {"rows": table.rows, "persons": 0},
                "desensitization": {"method": text, "performed_at": "2026-01-01T00:00:00Z"},
                "columns": columns,
                "row_key": key,
                "person_column": _PERSON,
                "order_column": _ORDER,
            }
        )
    except DocumentInvalid:
        raise InputMalformed("expected tables named by the id of a data set, got another name") from None


def _column(name: str, kind: str, bounds: Json) -> Json:
    return {
        "name": name,
        "type": kind,
        "title": {"zh": name, "en": name},
        "grade": "general",
        "sensitive": False,
        "nullable": False,
        "uses": [],
        "bounds": bounds,
    }
