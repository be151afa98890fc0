"""The worker's one look at the rows: the snapshot bound into its room, asked for the columns of one part.

No extension is loaded here: the crypto module that writes the snapshots could also speak HTTP (protocols.md section 7.1).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from connectors.store import LockedSnapshot, open_snapshot
from enclaves.isolation.bubblewrap import DATA_ROOT
from enclaves.model.column import Column
from enclaves.worker.errors import OrderInvalid
from policies.documents.encrypted import EncryptedWeights
from policies.documents.model import Part

Reading = Part | EncryptedWeights
"""What says which columns of which rows are read: a part, or what a domain may know of one."""
SNAPSHOT_NAME: Final = "snapshot"
"""Inner name under which the parent binds the snapshot file."""


def open_bound(key: bytes, part: Reading) -> LockedSnapshot:
    """The bound snapshot, locked. Raises OrderInvalid if it is not of the part's data set."""
    snapshot = open_snapshot(Path(DATA_ROOT) / SNAPSHOT_NAME, key)
    if (snapshot.dataset.owner, snapshot.dataset.id) != (part.department, part.dataset):
        snapshot.close()
        raise OrderInvalid("expected a snapshot of the part's data set, got another")
    return snapshot


def columns_of(
    snapshot: LockedSnapshot, part: Reading, pids: NDArray[np.uint64]
) -> tuple[dict[str, Column], NDArray[np.bool_]]:
    """The part's columns for `pids` (uint64 [slots, 2]) and which of the slots are known here."""
    found = snapshot.features(pids, part.columns, up_to=up_to_of(part))
    return {name: Column(values, missing) for name, (values, missing) in found.values.items()}, found.present


def everybody(snapshot: LockedSnapshot, part: Reading) -> tuple[dict[str, Column], int]:
    """The part's columns for everyone the data set has an eligible row of, and how many they are."""
    found = snapshot.everybody(part.columns, up_to=up_to_of(part))
    return {name: Column(values, missing) for name, (values, missing) in found.values.items()}, len(
        found.present
    )


def up_to_of(part: Reading) -> int | None:
    return None if part.row is None else part.row.up_to
