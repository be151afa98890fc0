"""Heavy jobs over partitions: the bits of the undivided store, also after a worker was killed."""

from __future__ import annotations

import dataclasses
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import psutil
import pytest

from enclaves.executor.choosing import executor_of
from enclaves.executor.counting import count
from enclaves.executor.errors import PartitionMismatch, TaskFailed
from enclaves.executor.executor import Progress, Watch
from enclaves.executor.plan import PartitionPlan
from enclaves.executor.scoring import score
from enclaves.executor.setting import Setting
from enclaves.worker.order import chunks
from enclaves.worker.rows import SNAPSHOT_NAME
from policies.disclosure.local import PersonBound
from policies.documents.authorization import Mode
from tests.enclaves.executor.kit import (
    PARTITIONS,
    PEOPLE,
    Domain,
    counted_whole,
    make,
    question,
    score_order,
    scored_whole,
    slots,
)
from tests.enclaves.worker.domain import YEARS, rows

SETTING = Setting(worker_memory_bytes=6 << 30)


@pytest.fixture(scope="module")
def domain(tmp_path_factory: pytest.TempPathFactory) -> Domain:
    return make(tmp_path_factory.mktemp("domain"))


@pytest.mark.long
def test_a_masked_vector_of_several_chunks_has_the_bits_of_the_undivided_store(domain: Domain) -> None:
    pids = np.zeros((1_000_200, 2), dtype=np.uint64)
    pids[-300:] = slots(domain)
    order = score_order(domain, len(pids))
    with domain.leases() as leases:
        found = list(score(executor_of(SETTING), order, pids, leases=leases))
    assert len(list(chunks(order.slots, mode=order.mode))) == 2
    assert found == scored_whole(domain, order, pids)


def test_a_run_that_recovers_has_its_self_mask_over_partitions_too(domain: Domain) -> None:
    pids = slots(domain)
    order = score_order(domain, len(pids))
    plain = scored_whole(domain, order, pids)
    recovering = dataclasses.replace(order, masks=dataclasses.replace(order.masks, self_mask=b"s" * 32))
    with domain.leases() as leases:
        found = list(score(executor_of(SETTING), recovering, pids, leases=leases))
    assert found == scored_whole(domain, recovering, pids)
    # The masks differ, what they hide and its commitment do not.
    assert found[0] != plain[0]
    assert found[-1] == plain[-1]


@dataclass
class Killer:
    """Kills the first confined child that holds a snapshot, once; asked while tasks run."""

    killed: int = 0

    def __call__(self) -> bool:
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                if not self.killed and f"/data/{SNAPSHOT_NAME}" in process.cmdline():
                    process.kill()
                    self.killed = process.pid
        return False


def test_a_confined_child_killed_mid_job_changes_no_bit(domain: Domain) -> None:
    pids = slots(domain)
    order = score_order(domain, len(pids))
    heard: list[Progress] = []
    killer = Killer()
    with domain.leases() as leases:
        watch = Watch(heard.append, killer)
        found = list(score(executor_of(SETTING), order, pids, leases=leases, watch=watch))
    assert killer.killed
    assert heard[-1] == Progress(started=PARTITIONS, finished=PARTITIONS, lost=1)
    assert found == scored_whole(domain, order, pids)


def test_counts_and_sums_added_are_those_of_the_undivided_store_and_of_plain_python(domain: Domain) -> None:
    with domain.leases() as leases:
        found = count(executor_of(SETTING), question(domain), leases=leases)
    whole = counted_whole(domain)
    assert list(found.by_cell) == list(whole.by_cell)
    for key, sums in found.by_cell.items():
        assert sums.dtype == np.int64
        assert np.array_equal(sums, whole.by_cell[key])
    held = [row for row in rows(range(PEOPLE), "hospital") if row.year >= YEARS[1] and row.sex == "F"]
    values = [round(100 * row.amount) for row in held if row.amount is not None]
    people = {row.person for row in held}
    behind = {row.person for row in held if row.amount is not None}
    (women,) = (sums for key, sums in found.by_cell.items() if b'"F"' in key)
    assert women.tolist() == [
        len(people),
        *(len(people), len(held), len(held), 0),
        *(len(behind), len(values), sum(values), sum(value * value for value in values)),
    ]


def test_a_question_that_clips_each_person_is_refused(domain: Domain) -> None:
    clipped = dataclasses.replace(question(domain), bounds=(None, PersonBound(0, 5)))
    with domain.leases() as leases, pytest.raises(TaskFailed, match="OrderInvalid"):
        count(executor_of(SETTING), clipped, leases=leases)


def test_a_partition_under_the_key_of_another_is_a_failure(domain: Domain) -> None:
    pids = slots(domain)
    with domain.leases() as leases:
        wrong = [dataclasses.replace(lease, key=leases[0].key) for lease in leases]
        with pytest.raises(TaskFailed, match="StoreError"):
            list(score(executor_of(SETTING), score_order(domain, len(pids)), pids, leases=wrong))


def test_ciphertexts_do_not_run_over_partitions(domain: Domain) -> None:
    pids = slots(domain)
    order = dataclasses.replace(
        score_order(domain, len(pids)),
        mode=Mode.BFV,
        context=b"context",
        masks=dataclasses.replace(score_order(domain, 1).masks, receiver_key=None),
    )
    with domain.leases() as leases, pytest.raises(PartitionMismatch):
        list(score(executor_of(SETTING), order, pids, leases=leases))


@pytest.mark.parametrize("partitions", [1, 2, 7])
def test_a_plan_has_every_slot_once_and_puts_results_back(domain: Domain, partitions: int) -> None:
    pids = slots(domain)
    plan = PartitionPlan.of(pids, partitions)
    assert sorted(plan.order.tolist()) == list(range(len(pids)))
    words = np.arange(len(pids), dtype=np.uint64) * np.uint64(3)
    found = np.zeros_like(words)
    for number in range(partitions):
        plan.put(number, words[plan.slots_of(number)], into=found)
    assert np.array_equal(found, words)
    with pytest.raises(PartitionMismatch):
        plan.put(0, words[:1], into=found)


def test_slots_of_nobody_are_dealt_out_evenly() -> None:
    plan = PartitionPlan.of(np.zeros((40, 2), dtype=np.uint64), 4)
    assert [len(plan.slots_of(number)) for number in range(4)] == [10, 10, 10, 10]
