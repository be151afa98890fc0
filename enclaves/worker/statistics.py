"""Confined: describe a part's features over the domain's population, already under the disclosure rule.

Emits one frame: canonical JSON, a list of {column, persons, variance} in the order of the part's features, persons
rounded to five and variances to three digits. A feature with fewer than ten persons refuses the whole answer, with
nothing but the class of the error (protocols.md section 6.5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from connectors.store import ColumnStatistics, Question
from enclaves.run.rounding import rounded_persons, rounded_variance
from enclaves.worker.errors import OrderInvalid
from enclaves.worker.order import StatisticsOrder
from enclaves.worker.rows import open_bound, up_to_of
from policies.documents import strict_json
from policies.documents.model import LinearPart, Part
from policies.documents.strict_json import Json


def main(frames: Iterator[bytes], emit: Callable[[bytes], None]) -> None:
    """Target of `enclaves.isolation.confined.run_confined`."""
    order = StatisticsOrder.read(frames)
    if next(frames, None) is not None:
        raise OrderInvalid("expected no frame behind the part, got one")
    with open_bound(order.snapshot_key, order.part) as snapshot:
        figures = snapshot.column_statistics(questions_of(order.part), up_to=up_to_of(order.part))
    lines: list[Json] = [described(figure) for figure in figures]
    emit(strict_json.canonical({"features": lines}))


def questions_of(part: Part) -> tuple[Question, ...]:
    """One question for each feature, or each input of a graph, as the part uses the column."""
    if isinstance(part, LinearPart):
        return tuple(
            Question(f.column, float(f.low), float(f.high), transform=f.transform, equals=f.equals)
            for f in part.features
        )
    return tuple(Question(item.column, float(item.low), float(item.high)) for item in part.inputs)


def described(figure: ColumnStatistics) -> Json:
    """A figure as it may leave. Raises TooFewPersons."""
    return {
        "column": figure.column,
        "persons": rounded_persons(figure.persons),
        "variance": rounded_variance(figure.variance),
    }
