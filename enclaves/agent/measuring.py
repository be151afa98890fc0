"""Vet jobs: the metrics of the own part over the own population, signed by the enclave (docs/protocol.md section 5).

The disclosure rule is applied inside the worker; a feature with fewer than ten persons refuses the run.
"""

from __future__ import annotations

from collections.abc import Iterator

from enclaves.agent.house import House
from enclaves.agent.live import LiveRun
from enclaves.isolation.confined import run_confined
from enclaves.isolation.limits import Limits
from enclaves.run.errors import RunRefused
from enclaves.worker.encrypted_order import FeaturesOrder
from enclaves.worker.order import StatisticsOrder
from enclaves.worker.rows import SNAPSHOT_NAME
from policies.decision.permit import Permit
from policies.documents import strict_json
from policies.documents.vetting import VetMetrics
from policies.errors import PolicyError

_LIMITS = Limits(address_space_bytes=8 << 30, cpu_seconds=600, wall_seconds=300.0, output_bytes=1 << 20)


def measure(house: House, live: LiveRun, granted: Permit) -> None:
    """Describe the part's features and send the signed metrics; of encrypted weights the features alone."""
    dataset = live.reading.dataset
    target, frames = _order(house, live, granted, snapshot_key=house.store.snapshot_key(dataset))
    with house.store.lease(dataset) as lease:
        answers = list(run_confined(target, frames, files={SNAPSHOT_NAME: lease.path}, limits=_LIMITS))
    if len(answers) != 1:
        raise RunRefused("worker_output_refused", f"expected one answer, got {len(answers)}")
    metrics = _metrics(house, live, answers[0])
    house.wire.send(
        "coordinator",
        "metrics",
        {"metrics": metrics.envelope(house.identity).to_json()},
        run=live.papers.run,
    )


def _order(
    house: House, live: LiveRun, granted: Permit, *, snapshot_key: bytes
) -> tuple[str, Iterator[bytes]]:
    """The worker's target and its order."""
    if live.hidden is not None:
        alone = FeaturesOrder(permit=granted.digest, snapshot_key=snapshot_key, weights=live.hidden.part)
        return "enclaves.worker.feature_statistics", alone.frames()
    part, model = live.part.part, live.papers.model
    head = model.part(house.department)
    if head is None:
        raise RunRefused("part_mismatch", "expected a model with a part for this department, got another")
    order = StatisticsOrder(
        permit=granted.digest,
        snapshot_key=snapshot_key,
        part=part,
        head=head,
        grid=model.grid,
        bands=model.bands,
        graph=live.part.graph,
    )
    return "enclaves.worker.statistics", order.frames()


def _metrics(house: House, live: LiveRun, answer: bytes) -> VetMetrics:
    hidden = live.hidden
    part = live.reading
    try:
        measured = strict_json.parse_object(answer)
        return VetMetrics.from_body(
            {
                **measured,
                "id": f"metrics-{house.party}-{live.papers.run[:12]}",
                "enclave": house.party,
                "department": house.department,
                "job": live.papers.plan.job,
                "model": live.papers.plan.model,
                "part": part.digest if hidden is None else hidden.part.part,
                "weights": None if hidden is None else hidden.part.digest,
            }
        )
    except PolicyError as error:
        raise RunRefused("worker_output_refused", f"expected metrics: {error.code}") from None
