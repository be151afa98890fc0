"""The signed answer of a run with its vectors, whatever was computed and however it is masked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from enclaves.agent.committed import Committed
from enclaves.agent.house import House
from enclaves.agent.live import LiveRun
from enclaves.run.errors import RunRefused
from policies.documents.run import Contribution

COMMITMENT_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Vectors:
    """The masked vectors of a run as they were put, and the commitment to what they hide."""

    digests: tuple[str, ...]
    commitment: bytes
    kept: tuple[bytes, ...] = field(default=(), repr=False)
    """Their bytes, in a run that recovers: one signature of its room stands over all of them."""


@dataclass(frozen=True, slots=True)
class Note:
    """What is kept of a contribution for the case of a dispute: permit, snapshots by data set, opening key."""

    permit: str
    snapshots: Mapping[str, str]
    opening_key: bytes = field(repr=False)


def send_contribution(
    house: House,
    live: LiveRun,
    note: Note,
    *,
    vectors: Vectors,
    cells: str | None = None,
) -> None:
    """Sign and send the contribution whose vectors (and sealed `cells`) are put already; what opens it is durable before."""
    if live.effective is None:
        raise RunRefused("run_out_of_order", "expected an agreed run, got one without effective slots")
    house.commitments.keep(
        Committed(
            sid=live.papers.plan.sid,
            plan=live.papers.plan_envelope,
            permit=note.permit,
            commitment=vectors.commitment,
            snapshots=note.snapshots,
            effective=live.effective,
            opening_key=note.opening_key,
        )
    )
    sealed = live.masking.send(vectors.kept, vectors.commitment)
    contribution = Contribution(
        id=f"contribution-{house.party}-{live.papers.run[:12]}",
        run=live.papers.run,
        department=house.department,
        enclave=house.party,
        transcript=live.transcript or "",
        permit=note.permit,
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
