"""A query supposed to be asked with noise: the pipeline's own plan of it from a data list alone, and how far off it will be.

Rules:
1. The plan is that of `policies.aggregate.noise`, over the shape of `policies.aggregate.shape`: what the enclaves would draw.
2. A data list does not say how many rows a person may have: `rows` in every table are supposed. The same query is supposed to
   go to `domains` departments.
3. A count or a sum is off by its own noise; averages need the size of a cell (`policies.privacy.outputs`). What a statement's
   own ROUND adds, and the clipping of rows to their bounds, are not counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from policies.aggregate.noise import LaneNoise, NoisePlan, noise_of
from policies.aggregate.shape import Figures, TableSize, figures_from
from policies.disclosure.cells import Kind, Measure
from policies.disclosure.noised import PERSONS, NoisedLane
from policies.privacy.accuracy import half_width
from policies.privacy.outputs import Ratio, deviation_error, mean_error, variance_error
from policies.sql.data_list import DataList
from policies.sql.query import Query
from sandbox.client.errors import InputMalformed

_DEVIATIONS: Final = frozenset({Kind.STDDEV, Kind.STDDEV_POP})


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
    sizes = {table.name: TableSize(table.rows, supposed.rows) for table in tables}
    figures = figures_from(query, data_list, sizes, domains=supposed.domains)
    everybody = {f"domain-{number}": figures for number in range(1, supposed.domains + 1)}
    return Outlook(figures, noise_of(rho, figures.shape, cells=supposed.cells, figures=everybody))
