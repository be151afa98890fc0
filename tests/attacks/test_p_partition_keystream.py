"""Attack: partitions that mask the same slots under the same keystream show every value by subtraction.

Who stands between the partitions' workers and the gate (the network of a cluster) sees what they emit. If each partition sent
a whole masked vector, zero where a slot is not its own, the difference of two of them would be the plain partials.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from enclaves.executor.confined_task import SCORE_PARTITION, TARGETS
from enclaves.executor.plan import PartitionPlan
from enclaves.executor.score_partition import masks_of
from enclaves.executor.scoring import room_of
from enclaves.isolation.confined import run_confined
from enclaves.protocols import ring
from tests.enclaves.executor.kit import LIMITS, PART, PARTITIONS, PEOPLE, make, score_order, slots
from tests.enclaves.worker.domain import head, reference_units, resident, rows


def learned(words: list[NDArray[np.uint64]], slots_of: list[NDArray[np.int64]], units: list[int]) -> int:
    """Slots whose value is the difference of two words seen for them, either way round."""
    seen: dict[int, list[int]] = {}
    for own, found in zip(slots_of, words, strict=True):
        for slot, word in zip(own.tolist(), found.tolist(), strict=True):
            seen.setdefault(slot, []).append(word)
    found = 0
    for slot, values in seen.items():
        differences = {(a - b) % 2**64 for a in values for b in values if a is not b}
        found += units[slot] % 2**64 in differences
    return found


def test_whole_vectors_show_every_value_and_words_of_own_slots_show_none(tmp_path: Path) -> None:
    domain = make(tmp_path)
    pids = slots(domain)
    order = score_order(domain, len(pids))
    held = rows(range(PEOPLE), "hospital")
    units = [
        head(PART).default if not pid.any() else reference_units(resident(n), held, PART, head(PART))
        for n, pid in enumerate(pids)
    ]
    plan = PartitionPlan.of(pids, PARTITIONS)
    own = [plan.slots_of(number) for number in range(PARTITIONS)]

    whole = []
    for mine in own:
        values = np.zeros(len(pids), dtype=np.int64)
        values[mine] = np.array(units)[mine]
        whole.append(np.asarray(masks_of(order).mask(ring.encode(values))))
    everywhere = [np.arange(len(pids))] * PARTITIONS
    assert learned(whole, everywhere, units) == len(pids)

    words = []
    with domain.leases() as leases:
        for number, lease in enumerate(leases):
            room = room_of(order, pids, plan, partition=number, lease=lease)
            with run_confined(
                SCORE_PARTITION, room.frames, files=room.files, limits=LIMITS, extra_targets=TARGETS
            ) as run:
                words.append(np.frombuffer(b"".join(run), dtype="<u8"))
    assert [len(found) for found in words] == [len(mine) for mine in own]
    assert learned(words, own, units) == 0
    # Opened by the gate, they are the values all the same.
    for mine, found, vector in zip(own, words, whole, strict=True):
        assert np.array_equal(found, vector[mine])
