"""The work of a run in mode paillier: ciphertexts from the score worker, and of a vet job the features alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from enclaves.agent.hidden import HiddenPart
from enclaves.agent.house import House
from enclaves.agent.live import LiveRun
from enclaves.agent.sending import Vectors, check_commitment
from enclaves.isolation.confined import run_confined
from enclaves.isolation.limits import Limits
from enclaves.worker.encrypted_order import EncryptedOrder
from enclaves.worker.order import Masks, chunks, pid_frames
from enclaves.worker.rows import SNAPSHOT_NAME
from policies.decision.permit import Permit
from policies.documents.authorization import Mode

CIPHERTEXT_BYTES: Final = 768
SLOTS_PER_SECOND: Final = 20
"""An eighth of what a core does, for the limit of time."""


def work_encrypted(
    house: House, live: LiveRun, granted: Permit, *, hidden: HiddenPart, masks: Masks
) -> Vectors:
    """Run the worker; what was put of it, and the commitment."""
    plan = live.papers.plan
    order = EncryptedOrder(
        permit=granted.digest,
        snapshot_key=house.store.snapshot_key(hidden.part.dataset),
        weights=hidden.part,
        modulus=hidden.modulus,
        ciphertexts=hidden.ciphertexts,
        masks=masks,
        slots=plan.slots,
    )
    sizes = list(chunks(plan.slots, mode=Mode.PAILLIER))
    pids = np.where(live.effective[:, None] if live.effective is not None else False, live.pids, np.uint64(0))

    def frames() -> Iterator[bytes]:
        yield from order.frames()
        yield from pid_frames(pids, sizes=sizes)

    with house.store.lease(hidden.part.dataset) as lease:
        files = {SNAPSHOT_NAME: lease.path}
        limits = encrypted_limits(plan.slots)
        with run_confined("enclaves.worker.encrypted_score", frames(), files=files, limits=limits) as run:
            # Each vector leaves before the next is computed.
            vectors = [house.wire.put_attachment(next(run, b""), audience=(plan.gate,)) for _ in sizes]
            commitment = next(run, b"")
            check_commitment(commitment, next(run, None))
    return Vectors(tuple(vectors), commitment)


def encrypted_limits(slots: int) -> Limits:
    """Time and bytes for a job of `slots` slots."""
    seconds = 60 + slots // SLOTS_PER_SECOND
    return Limits(
        address_space_bytes=8 << 30,
        cpu_seconds=2 * seconds,
        wall_seconds=float(seconds),
        processes=128,
        input_bytes=(64 << 20) + 16 * slots,
        output_bytes=(64 << 20) + CIPHERTEXT_BYTES * slots,
    )
