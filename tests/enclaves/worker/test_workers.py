"""Workers in their real confinement over a real encrypted snapshot."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connectors.store import DomainStore
from enclaves.isolation.confined import run_confined
from enclaves.isolation.errors import WorkerFailed
from enclaves.isolation.limits import Limits
from enclaves.protocols import bfv, ring, secagg
from enclaves.worker import decrypt
from enclaves.worker.order import Masks, ScoreOrder, StatisticsOrder, chunks, pid_frames
from enclaves.worker.rows import SNAPSHOT_NAME
from policies.documents import strict_json
from policies.documents.authorization import Mode
from policies.documents.model import LatestRow, LinearPart
from tests.enclaves.vetting.kit import onnx_part, tree_graph, weighted_graph
from tests.enclaves.worker.domain import (
    GRID,
    build,
    dataset,
    head,
    part,
    reference_units,
    resident,
    rows,
)

KNOWN, SLOTS = range(40), 60
HELD = rows(KNOWN, "hospital")
PART = part("hospital")
HEAD = head(PART)
LIMITS = Limits(address_space_bytes=6 << 30)
OPENING = secrets.token_bytes(32)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> DomainStore:
    return build(tmp_path_factory.mktemp("store"), dataset("hospital"), HELD)


def run(store: DomainStore, target: str, frames: Iterator[bytes]) -> list[bytes]:
    with store.lease("hospital-rows") as lease:
        files = {SNAPSHOT_NAME: lease.path}
        return list(run_confined(f"enclaves.worker.{target}", frames, files=files, limits=LIMITS))


def slots_of(store: DomainStore) -> tuple[np.ndarray, list[int]]:
    """Pids of 60 slots, of which 40 are known and every seventh is not effective; and the expected units."""
    people = [resident(number) for number in range(SLOTS)]
    pids = store.pids(people)
    pids[::7] = 0
    expected = [
        HEAD.default if slot % 7 == 0 else reference_units(person, HELD, PART, HEAD)
        for slot, person in enumerate(people)
    ]
    return pids, expected


def order(store: DomainStore, mode: Mode, **keys: bytes) -> ScoreOrder:
    return ScoreOrder(
        permit="0" * 64,
        snapshot_key=store.snapshot_key("hospital-rows"),
        part=PART,
        head=HEAD,
        grid=GRID,
        mode=mode,
        masks=Masks("enclave-a", {"enclave-b": keys["pair"]}, keys.get("receiver"), OPENING),
        slots=SLOTS,
        context=keys.get("context"),
    )


def frames_of(given: ScoreOrder, pids: np.ndarray) -> Iterator[bytes]:
    yield from given.frames()
    yield from pid_frames(pids, sizes=chunks(SLOTS, mode=given.mode))


def test_a_masked_vector_opens_to_the_plain_partials(store: DomainStore) -> None:
    pids, expected = slots_of(store)
    pair, receiver = secrets.token_bytes(32), secrets.token_bytes(32)
    given = order(store, Mode.MASKED, pair=pair, receiver=receiver)
    vector, commitment = run(store, "score", frames_of(given, pids))
    # The peer contributes zeros, so that the sum is this domain's partials.
    other = secagg.mask(
        ring.encode(np.zeros(SLOTS, dtype=np.int64)),
        party="enclave-b",
        pair_keys={"enclave-a": secagg.PairKey(pair)},
        receiver_key=secagg.ReceiverKey(receiver[::-1]),
        start=0,
    )
    total = secagg.open_sum(
        {"enclave-a": ring.masked_from_wire(vector, slots=SLOTS), "enclave-b": other},
        receiver_keys={
            "enclave-a": secagg.ReceiverKey(receiver),
            "enclave-b": secagg.ReceiverKey(receiver[::-1]),
        },
        start=0,
    )
    assert ring.decode(total).tolist() == expected
    assert len(set(expected)) > 10
    secagg.check_opening(commitment, OPENING, ring.encode(np.array(expected, dtype=np.int64)))


def test_an_encrypted_vector_decrypts_only_in_the_gates_child(store: DomainStore) -> None:
    pids, expected = slots_of(store)
    keys, pair = bfv.generate(), secrets.token_bytes(32)
    given = order(store, Mode.BFV, pair=pair, context=keys.public)
    vector, _ = run(store, "score", frames_of(given, pids))
    zeros = secagg.residues(np.zeros(SLOTS, dtype=np.int64), modulus=bfv.MODULUS)
    other = secagg.mask_mod(
        zeros,
        modulus=bfv.MODULUS,
        party="enclave-b",
        pair_keys={"enclave-a": secagg.PairKey(pair)},
        start=0,
    )
    frames = decrypt.order_frames(
        keys.secret, [vector, bfv.encrypt(keys.public, other)], parties=2, slots=SLOTS
    )
    (opened,) = list(run_confined("enclaves.worker.decrypt", frames, files={}, limits=LIMITS))
    assert np.frombuffer(opened, dtype="<i8").tolist() == expected


def statistics_order(store: DomainStore, described: LinearPart = PART) -> StatisticsOrder:
    return StatisticsOrder(
        permit="0" * 64,
        snapshot_key=store.snapshot_key("hospital-rows"),
        part=described,
        head=head(described),
        grid=GRID,
        bands=5,
    )


def test_statistics_leave_rounded_and_in_feature_order(store: DomainStore) -> None:
    (answer,) = run(store, "statistics", statistics_order(store).frames())
    found = strict_json.parse_object(answer)
    lines = found["features"]
    assert [line["column"] for line in lines] == ["amount", "visits", "sex"]
    latest = {row.person: row for row in HELD if row.year <= 2024}
    visits = np.clip([float(row.visits) for row in latest.values()], 1, 20)
    assert lines[1]["persons"] == 40
    assert lines[1]["variance"] == f"{float(f'{visits.var():.2e}'):g}"
    # The partials are those the score worker computes.
    units = np.array([reference_units(person, HELD, PART, HEAD) for person in latest], dtype=np.float64)
    assert found["variance"] == f"{float(f'{units.var():.2e}'):g}"
    assert found["unique"] == f"{len(set(units)) / 40:.3f}".rstrip("0")
    assert (found["persons"], found["finite"], found["graph"]) == (40, True, None)
    assert all(line["persons"] % 5 == 0 for line in lines)


@pytest.mark.req("RQ-289")
def test_a_graph_is_checked_run_and_measured_in_confinement(store: DomainStore) -> None:
    def answer(graph: bytes) -> dict[str, Any]:
        part_ = onnx_part(["amount", "visits"], graph).model_copy(
            update={"dataset": "hospital-rows", "row": LatestRow(up_to=2024)}
        )
        given = dataclasses.replace(statistics_order(store), part=part_, graph=graph)
        (found,) = run(store, "statistics", given.frames())
        return dict(strict_json.parse_object(found))

    honest = answer(weighted_graph([0.001, 0.05]))
    assert honest["graph"]["row_independent"] is True
    assert honest["graph"]["faults"] == []
    assert float(honest["variance"]) > 0
    tree = answer(tree_graph([(1, 10.0)]))
    # Forty persons fall into two leaves.
    visits = [min(row.visits, 100) for row in {r.person: r for r in HELD if r.year <= 2024}.values()]
    low = sum(value <= 10 for value in visits)
    assert tree["graph"]["small_leaf"] is (0 < low < 20 or 0 < 40 - low < 20)
    refused = answer(weighted_graph([0.001, 0.05])[:-3])
    assert refused["graph"]["faults"] == ["v12"]
    assert refused["features"][0]["leaks"] == []


@pytest.mark.parametrize("persons", [1, 9])
def test_statistics_over_fewer_than_ten_persons_are_refused(tmp_path: Path, persons: int) -> None:
    small = build(tmp_path, dataset("hospital"), rows(range(persons), "few"))
    given = statistics_order(small)
    with pytest.raises(WorkerFailed) as failure:
        run(small, "statistics", given.frames())
    assert failure.value.error_class == "TooFewPersons"


def test_a_worker_refuses_another_data_sets_snapshot(tmp_path: Path) -> None:
    other = build(tmp_path, dataset("hospital"), rows(range(12), "other"))
    given = statistics_order(other, part("transport"))
    with pytest.raises(WorkerFailed) as failure:
        run(other, "statistics", given.frames())
    assert failure.value.error_class == "OrderInvalid"


def test_a_worker_refuses_more_pids_than_ordered(store: DomainStore) -> None:
    pids, _ = slots_of(store)
    given = order(store, Mode.MASKED, pair=secrets.token_bytes(32), receiver=secrets.token_bytes(32))
    with pytest.raises(WorkerFailed) as failure:
        run(store, "score", iter([*frames_of(given, pids), bytes(16)]))
    assert failure.value.error_class == "OrderInvalid"
