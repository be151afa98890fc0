"""Confined: describe the features of a part whose weights the domain must not see, for vetting, under the disclosure rule.

Emits one frame: canonical JSON, the measured members of a `vet-metrics` document (`enclaves.vetting.features_alone`). A
domain or a feature with fewer than ten persons refuses the whole answer, as `statistics` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from connectors.store import Question
from enclaves.vetting.features_alone import described
from enclaves.vetting.metrics import Population
from enclaves.worker.encrypted_order import FeaturesOrder
from enclaves.worker.rows import everybody, open_bound, up_to_of
from policies.documents import strict_json


def main(frames: Iterator[bytes], emit: Callable[[bytes], None]) -> None:
    """Target of `enclaves.isolation.confined.run_confined`."""
    order = FeaturesOrder.read(frames)
    weights = order.weights
    questions = tuple(
        Question(f.column, float(f.low), float(f.high), transform=f.transform, equals=f.equals)
        for f in weights.features
    )
    with open_bound(order.snapshot_key, weights) as snapshot:
        sensitive = frozenset(column.name for column in snapshot.dataset.columns if column.sensitive)
        population = Population(*everybody(snapshot, weights))
        figures = snapshot.column_statistics(questions, up_to=up_to_of(weights))
        emit(strict_json.canonical(described(weights, population, figures, sensitive=sensitive)))
