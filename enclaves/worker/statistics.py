"""Confined: describe a part over the domain's population for vetting, already under the disclosure rule.

Emits one frame: canonical JSON, the measured members of a `vet-metrics` document (`enclaves.vetting.metrics`). A domain or
a feature with fewer than ten persons refuses the whole answer, with nothing but the class of the error (protocols.md
section 6.5). A graph is read under the static rules before anything of it is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from connectors.store import LockedSnapshot, Question
from enclaves.vetting.metrics import Population, Subject, measured, unmeasured
from enclaves.worker.errors import OrderInvalid
from enclaves.worker.order import StatisticsOrder
from enclaves.worker.rows import everybody, open_bound, up_to_of
from enclaves.worker.vector import evaluator
from policies.documents import strict_json
from policies.documents.model import LinearPart, OnnxPart, Part
from policies.documents.strict_json import Json


def main(frames: Iterator[bytes], emit: Callable[[bytes], None]) -> None:
    """Target of `enclaves.isolation.confined.run_confined`."""
    order = StatisticsOrder.read(frames)
    if next(frames, None) is not None:
        raise OrderInvalid("expected no frame behind the order, got one")
    with open_bound(order.snapshot_key, order.part) as snapshot:
        emit(strict_json.canonical(described(order, snapshot)))


def described(order: StatisticsOrder, snapshot: LockedSnapshot) -> dict[str, Json]:
    """The measured members of the document. Raises TooFewPersons."""
    part = order.part
    columns = {column.name: column for column in snapshot.dataset.columns}
    subject = Subject(
        part=part,
        head=order.head,
        grid=float(order.grid),
        bands=order.bands,
        types={name: columns[name].type for name in part.columns if name in columns},
        sensitive=frozenset(name for name in part.columns if name in columns and columns[name].sensitive),
    )
    population = Population(*everybody(snapshot, part))
    figures = snapshot.column_statistics(questions_of(part), up_to=up_to_of(part))
    if not isinstance(part, OnnxPart):
        return {**measured(subject, population, figures, evaluator(part, None)), "graph": None}
    # ONNX is loaded only where a graph is read.
    from enclaves.vetting import graphs

    graph = order.graph or b""
    found = graphs.inspect(graph, inputs=len(part.inputs))
    if found.faults:
        return {**unmeasured(subject, population, figures), "graph": found.body()}
    evaluate = evaluator(part, graph)
    body = graphs.observed(found, part, graph, population=population, evaluate=evaluate, grid=subject.grid)
    return {**measured(subject, population, figures, evaluate), "graph": body}


def questions_of(part: Part) -> tuple[Question, ...]:
    """One question for each feature, or each input of a graph, as the part uses the column."""
    if isinstance(part, LinearPart):
        return tuple(
            Question(f.column, float(f.low), float(f.high), transform=f.transform, equals=f.equals)
            for f in part.features
        )
    return tuple(Question(item.column, float(item.low), float(item.high)) for item in part.inputs)
