"""The signed answer of a run with its vectors, whatever was computed and however it is masked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from enclaves.agent.house import House
from enclaves.agent.live import LiveRun
from enclaves.run.errors import RunRefused
from policies.decision.permit import Permit
from policies.documents.run import Contribution

COMMITMENT_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Vectors:
    """The masked vectors of a run as they were put, and the commitment to what they hide."""

    digests: tuple[str, ...]
    commitment: bytes
    kept: tuple[bytes, ...] = field(default=(), repr=False)
    """Their bytes, in a run that recovers: one signature of its room stands over all of them."""


def send_contribution(
    house: House,
    live: LiveRun,
    granted: Permit,
    *,
    vectors: Vectors,
    cells: str | None = None,
) -> None:
    """Sign and send the contribution whose vectors (and sealed `cells`) are put already."""
    sealed = live.masking.send(vectors.kept, vectors.commitment)
    contribution = Contribution(
        id=f"contribution-{house.party}-{live.papers.run[:12]}",
        run=live.papers.run,
        department=house.department,
        enclave=house.party,
        transcript=live.transcript or "",
        permit=granted.digest,
        vectors=vectors.digests,
        receiver_key=sealed.receiver_key,
        cells=cells,
        commitment=vectors.commitment.hex(),
        recovery=sealed.recovery,
    )
    attached = (*vectors.digests, *(() if cells is None else (cells,)))
    house.wire.send(
        "coordinator",
        "contribution",
        {"contribution": contribution.envelope(house.boot.private).to_json()},
        run=live.papers.run,
        attachments=attached,
    )
    live.masking.sent()


def check_commitment(commitment: bytes, rest: bytes | None) -> None:
    """Raise RunRefused unless a worker's last frame is a commitment and nothing follows it."""
    if len(commitment) != COMMITMENT_BYTES or rest is not None:
        raise RunRefused("worker_output_refused", "expected a commitment last, got something else")
