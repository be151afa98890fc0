"""A domain in partitions beside undivided ones: the same bands, also after a worker was killed; settings that do not fit."""

from __future__ import annotations

import dataclasses
import threading
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from pydantic import ValidationError

from connectors.partitioning import Partitions
from connectors.store import Lease
from enclaves.agent.agent import Agent
from enclaves.agent.execution import Execution, ExecutionTable, check_executor, check_stored
from enclaves.agent.vectors import vectors_of
from enclaves.agent.workers import ScoreWorkers
from enclaves.executor.choosing import executor_of
from enclaves.executor.errors import (
    ClusterExposed,
    ExecutorError,
    ExecutorUnavailable,
    PartitionsDiffer,
    SettingInvalid,
)
from enclaves.executor.executor import Progress, Watch
from enclaves.executor.setting import Kind, Setting
from enclaves.run.process import Mailbox
from enclaves.worker.rows import SNAPSHOT_NAME
from policies.documents.authorization import Mode
from policies.documents.job import Plan
from tests.enclaves.agent.district import FOUR, NOW, District, found, inline, resident
from tests.enclaves.executor import kit
from tests.enclaves.worker.domain import batch_of, dataset, rows

PEOPLE = [resident(number) for number in range(45)]
PARTITIONS = 3


def partition(district: District, name: str, *, retries: int = 2, partitions: int = PARTITIONS) -> Partitions:
    """Split the domain's rows and let its enclave go on with an executor."""
    old = district.domains[name]
    parts = Partitions(old.store, district.directory / name / "partitions")
    parts.split_current(dataset(name), partitions=partitions, now=NOW)
    setting = Setting(retries=retries, worker_memory_bytes=6 << 30)
    house = dataclasses.replace(old.house, execution=Execution(executor_of(setting), parts.of(partitions)))
    agent = Agent(house, inline)
    district.domains[name] = dataclasses.replace(
        old, house=house, agent=agent, mailbox=Mailbox(house.wire, house.durable, agent.take)
    )
    return parts


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    """Every test partitions the domain it is about."""
    return found(tmp_path_factory.mktemp("district"))


class Killer(threading.Thread):
    """Kills the first confined child that holds a partition, once."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.killed = 0

    def run(self) -> None:
        deadline = time.monotonic() + 30
        while not self.killed and time.monotonic() < deadline:
            time.sleep(0.02)
            for process in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):
                    if f"/data/{SNAPSHOT_NAME}" in process.cmdline() and "spawn_main" in _above(process):
                        process.kill()
                        self.killed = process.pid
                        break


def _above(process: psutil.Process) -> str:
    parent = process.parent()
    return "" if parent is None else " ".join(parent.cmdline())


def expected(district: District) -> list[int]:
    return [district.reference_band(person) for person in PEOPLE]


def begin(district: District, ids: list[bytes]) -> Plan:
    """A masked run up to the contributions."""
    plan, body = district.plan(district.job(ids))
    district.start(plan, body)
    district.relay_bundles(plan)
    district.relay_transcripts(plan)
    return plan


def test_a_partitioned_domain_beside_undivided_ones_gives_the_same_bands(district: District) -> None:
    partition(district, "hospital")
    ids = district.consent(PEOPLE)
    for mode in (Mode.MASKED, Mode.BFV):
        plan, release = district.run(district.job(ids, mode=mode))
        assert district.bands(plan, release) == expected(district)
    assert len(set(expected(district))) > 1


@pytest.mark.long
def test_a_run_of_four_domains_that_recovers_may_have_one_in_partitions(tmp_path: Path) -> None:
    four = found(tmp_path, FOUR)
    partition(four, "hospital")
    plan, release = four.run(four.job(four.consent(PEOPLE)))
    assert plan.recovers
    assert four.bands(plan, release) == expected(four)


@pytest.mark.long
def test_a_vet_job_over_partitions_is_answered(district: District) -> None:
    partition(district, "social")
    plan, _ = district.run(district.job(district.consent(PEOPLE), vet=True))
    assert len(district.relay.said("metrics", plan.sid.hex())) == 3


@pytest.mark.long
def test_a_worker_killed_in_the_run_changes_no_band(district: District) -> None:
    partition(district, "transport")
    ids = district.consent(PEOPLE)
    killer = Killer()
    killer.start()
    plan, release = district.run(district.job(ids))
    killer.join()
    assert killer.killed
    assert district.bands(plan, release) == expected(district)
    # Done again is not contributed again.
    said = district.relay.said("contribution", plan.sid.hex())
    assert sorted(message.sender for message in said) == sorted(f"enclave-{n}" for n in district.domains)


def test_a_partition_lost_too_often_is_a_lost_session_and_a_new_attempt_has_new_masks(
    district: District,
) -> None:
    partition(district, "hospital", retries=0)
    ids = district.consent(PEOPLE)
    killer = Killer()
    killer.start()
    plan = begin(district, ids)
    killer.join()
    assert killer.killed
    assert district.refusals(plan) == ["session_lost"]
    again, release = district.run(district.job(ids))
    assert district.bands(again, release) == expected(district)


def test_a_data_set_split_anew_under_a_running_enclave_is_refused_before_anything_is_spent(
    district: District,
) -> None:
    parts = partition(district, "hospital")
    parts.split_current(dataset("hospital"), partitions=2, now=NOW)
    ledger = district.domains["hospital"].house.durable
    spent = ledger.rows("SELECT count(*) FROM debits")
    plan, body = district.plan(district.job(district.consent(PEOPLE)))
    district.start(plan, body)
    assert district.refusals(plan) == ["partitions_differ"]
    assert ledger.rows("SELECT count(*) FROM debits") == spent


def test_a_refresh_in_the_run_does_not_reach_a_partition_that_is_done_again(tmp_path: Path) -> None:
    """Two snapshots under one keystream would show the difference of their values; a lease keeps to one."""
    domain = kit.make(tmp_path)
    pids = kit.slots(domain)
    order = kit.score_order(domain, len(pids))
    before = kit.scored_whole(domain, order, pids)
    parts = Partitions(domain.store, domain.parted.directory)
    killer, refreshed, heard = Killer(), list[str](), list[Progress]()

    def kill_and_refresh() -> bool:
        if heard and not refreshed:
            killer.run()
            refreshed.append(_replaced(parts))
        return False

    setting = Setting(worker_memory_bytes=6 << 30)
    execution = Execution(executor_of(setting), domain.parted, Watch(heard.append, kill_and_refresh))
    with vectors_of(domain.store, order, pids, workers=ScoreWorkers(), execution=execution) as run:
        found_after = list(run)
    assert killer.killed
    assert heard[-1].lost == 1
    assert domain.store.pointer(kit.ID).snapshot == refreshed[0] != domain.snapshot
    assert found_after == before
    # Naively the newest rows are read under the same masks, and the words differ by the change of the values.
    assert kit.scored_whole(domain, order, pids)[0] != before[0]


def _replaced(parts: Partitions) -> str:
    """A refresh with other rows; the new snapshot's id."""
    declared = dataset("hospital")
    with parts.store.writer(declared) as writer:
        writer.add(batch_of(rows(range(kit.PEOPLE), "other")))
        sealed = writer.seal()
        now = NOW + timedelta(minutes=1)
        lease = Lease(
            sealed.path, parts.store.pointer_to(sealed, now=now), parts.store.snapshot_key(declared.id)
        )
        parts.split(lease, partitions=kit.PARTITIONS, now=now)
        published = parts.store.publish(sealed, now=now)
        parts.remove_others(declared.id, partitions=kit.PARTITIONS)
    return published.snapshot


@pytest.mark.parametrize(
    "table",
    [
        {"executor": "dask"},
        {"executor": "ray"},
        {"partitions": 0},
        {"partitions": 4097},
        {"partitions": 2, "address": "127.0.0.1:6379"},
        {"executor": "ray", "partitions": 2, "address": "somewhere"},
        {"partitions": 2, "workers": 3, "in_flight": 2},
        {"partitions": 2, "worker_memory_mb": 0},
    ],
)
def test_a_table_that_names_no_executor_or_no_bounds_is_refused(table: dict[str, object]) -> None:
    with pytest.raises(SettingInvalid):
        ExecutionTable.model_validate(table).setting()


@pytest.mark.parametrize(
    "table", [{"partition": 2}, {"partitions": "2"}, {"partitions": 2.0}, {"workers": True}]
)
def test_an_unknown_member_or_another_type_is_refused(table: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ExecutionTable.model_validate(table)


def test_without_a_table_or_with_one_partition_jobs_are_undivided(district: District, tmp_path: Path) -> None:
    store = district.domains["hospital"].store
    assert Execution.of(ExecutionTable(), store, tmp_path) is None
    four = Execution.of(ExecutionTable(partitions=4, workers=3), store, tmp_path)
    assert four is not None
    assert four.parted.partitions == 4
    assert (four.executor.setting.workers, four.executor.setting.in_flight) == (3, 6)


def test_what_is_stored_must_agree_with_the_settings_in_either_direction(
    district: District, tmp_path: Path
) -> None:
    parts = Partitions(district.domains["hospital"].store, tmp_path / "partitions")
    declared = [dataset("hospital"), dataset("nobody")]
    check_stored(parts, declared, wanted=1)
    with pytest.raises(PartitionsDiffer, match=r"in 2 partitions .* got 1: split it with"):
        check_stored(parts, declared, wanted=2)
    parts.split_current(dataset("hospital"), partitions=2, now=NOW)
    check_stored(parts, declared, wanted=2)
    with pytest.raises(PartitionsDiffer, match=r"in 1 partitions .* got 2"):
        check_stored(parts, declared, wanted=1)


def test_a_cluster_that_others_can_reach_must_speak_tls(tmp_path: Path) -> None:
    tls = {"RAY_USE_TLS": "1"}
    for name in ("RAY_TLS_SERVER_CERT", "RAY_TLS_SERVER_KEY", "RAY_TLS_CA_CERT"):
        tls[name] = str(tmp_path / name)
        (tmp_path / name).touch()

    def refused(address: str, environment: dict[str, str]) -> type[ExecutorError] | None:
        try:
            check_executor(Setting(Kind.RAY, address=address), environment)
        except ExecutorError as error:
            return type(error)
        return None

    for address in ("127.0.0.1:6379", "localhost:6379", "[::1]:6379", "127.8.8.8:1"):
        assert refused(address, {}) is None
    for address in ("192.0.2.2:6379", "0.0.0.0:6379", "[2001:db8::1]:6379", "head.example:6379"):
        assert refused(address, {}) is ClusterExposed
        assert refused(address, {**tls, "RAY_USE_TLS": "0"}) is ClusterExposed
        assert (
            refused(address, {name: path for name, path in tls.items() if "KEY" not in name})
            is ClusterExposed
        )
        assert refused(address, tls) is None


def test_ray_that_is_not_installed_is_told_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ExecutorUnavailable, match="extra `cluster`"):
        check_executor(Setting(Kind.RAY), {})
    check_executor(Setting(), {})
