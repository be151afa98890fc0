"""What this enclave has committed to in its runs, and the keys that open the commitments, should a dispute ask for it.

A commitment C = SHA-256(rho ‖ enc(x)) stands signed in every contribution. Its opening key rho is kept from before the
contribution leaves, sealed to the enclave's own key and bound to the run, so that a stolen file opens nothing; beside it what
is needed to compute x again: the plan, the permit, the snapshots, the effective slots. Nothing of x is kept.

Follows protocols.md sections 1.2 (A15) and 2.3 ("Malicious input"). Computing again and opening: `disputing`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from enclaves.protocols.labels import Label
from enclaves.protocols.sealing import SealingKey, open_sealed, seal
from enclaves.run import bitmap
from enclaves.run.durable import Durable
from enclaves.run.errors import RunRefused
from policies.documents import envelope as dsse
from policies.documents import strict_json
from policies.documents.envelope import Envelope
from policies.documents.strict_json import Json

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS committed (
    sid BLOB PRIMARY KEY, plan BLOB NOT NULL, permit TEXT NOT NULL, commitment BLOB NOT NULL, snapshots BLOB NOT NULL,
    slots INTEGER NOT NULL, effective BLOB NOT NULL, sealed BLOB NOT NULL
) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class Committed:
    """One run's commitment, its opening key, and what the committed vector was computed from."""

    sid: bytes
    plan: Envelope
    permit: str
    commitment: bytes
    snapshots: Mapping[str, str]
    """Snapshot by data set."""
    effective: NDArray[np.bool_]
    opening_key: bytes = field(repr=False)


class Commitments:
    """Commitments by run id, in the enclave's durable file."""

    def __init__(self, durable: Durable, key: SealingKey) -> None:
        self._durable = durable
        self._key = key
        durable.define(_TABLE)

    def keep(self, committed: Committed) -> None:
        """Remember a commitment, durably; a run has one."""
        sealed = seal(self._key.public, committed.opening_key, info=_info(committed.sid))
        snapshots: dict[str, Json] = dict(committed.snapshots)
        self._durable.run(
            "INSERT INTO committed VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                committed.sid,
                committed.plan.to_bytes(),
                committed.permit,
                committed.commitment,
                strict_json.canonical(snapshots),
                len(committed.effective),
                bitmap.pack(committed.effective),
                sealed,
            ),
        )

    def open(self, sid: bytes) -> Committed:
        """What was committed to in the run. Raises RunRefused(`run_unknown`), SealBroken."""
        rows = self._durable.rows(
            "SELECT plan, permit, commitment, snapshots, slots, effective, sealed FROM committed WHERE sid = ?",
            (sid,),
        )
        if not rows:
            raise RunRefused("run_unknown", "expected a run with a commitment of this enclave, got another")
        plan, permit, commitment, snapshots, slots, effective, sealed = rows[0]
        return Committed(
            sid=sid,
            plan=dsse.parse(plan),
            permit=permit,
            commitment=commitment,
            snapshots={name: str(value) for name, value in strict_json.parse_object(snapshots).items()},
            effective=bitmap.unpack(effective, slots=slots),
            opening_key=open_sealed(self._key, sealed, info=_info(sid)),
        )


def _info(sid: bytes) -> bytes:
    return Label.OPENING_KEY.value + sid
