"""Chunks: a vector in pieces is the vector in one piece, and the pieces fit what carries them."""

from __future__ import annotations

import secrets

import numpy as np
import pytest

from enclaves.isolation.limits import MAX_FRAME_BYTES
from enclaves.model.column import Column
from enclaves.protocols import bfv
from enclaves.transport.documents import MAX_ATTACHMENT_BYTES
from enclaves.worker import decrypt, order
from enclaves.worker.errors import OrderInvalid
from enclaves.worker.order import Masks, ScoreOrder, chunk_slots, chunks, pid_frames, read_pids
from enclaves.worker.vector import Contribution
from policies.documents import strict_json
from policies.documents.authorization import Mode
from tests.enclaves.worker.domain import GRID, head, part

SLOTS = 10_000
PART = part("hospital")


def score_order(mode: Mode = Mode.MASKED, context: bytes | None = None) -> ScoreOrder:
    return ScoreOrder(
        permit="0" * 64,
        snapshot_key=bytes(32),
        part=PART,
        head=head(PART),
        grid=GRID,
        mode=mode,
        masks=Masks("a", {"b": b"k" * 32}, b"r" * 32 if mode is Mode.MASKED else None, b"o" * 32),
        slots=SLOTS,
        context=context,
    )


def columns(start: int, end: int) -> tuple[dict[str, Column], np.ndarray]:
    values = np.arange(start, end, dtype=np.float64) % 997
    column = Column(values, values == 5)
    texts = Column(np.array(["F", "M"], dtype=object)[(values % 2).astype(int)], values == 6)
    return {"amount": column, "visits": column, "sex": texts}, values % 3 != 0


def test_masks_and_commitment_run_on_over_the_chunks() -> None:
    whole, pieces = Contribution(score_order()), Contribution(score_order())
    one = whole.vector(*columns(0, SLOTS))
    cut = [pieces.vector(*columns(start, start + 2500)) for start in range(0, SLOTS, 2500)]
    assert b"".join(cut) == one
    assert pieces.commitment == whole.commitment


def test_the_gates_child_opens_chunk_after_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(order.SLOTS_OF_A_CHUNK, Mode.BFV, 4096)
    keys = bfv.generate()
    values = np.arange(SLOTS, dtype=np.uint64) % 1000
    sizes = list(chunks(SLOTS, mode=Mode.BFV))
    assert len(sizes) == 3
    cut = [bfv.encrypt(keys.public, values[start : start + count]) for start, count in sizes]
    frames = decrypt.order_frames(keys.secret, [c for c in cut for _ in range(2)], parties=2, slots=SLOTS)
    opened: list[bytes] = []
    decrypt.main(iter(list(frames)), opened.append)
    assert np.frombuffer(b"".join(opened), dtype="<i8").tolist() == (2 * values.astype(int)).tolist()


def test_every_vector_fits_a_frame_and_an_attachment() -> None:
    largest = chunk_slots(Mode.BFV) // bfv.SLOTS * (4 + 90_000)
    assert chunk_slots(Mode.BFV) % bfv.SLOTS == 0
    for size in (8 * chunk_slots(Mode.MASKED), 16 * chunk_slots(Mode.MASKED), largest):
        assert size <= min(MAX_FRAME_BYTES, MAX_ATTACHMENT_BYTES)


def test_pids_come_back_as_they_went() -> None:
    pids = np.frombuffer(secrets.token_bytes(16 * 1000), dtype="<u8").reshape(-1, 2).astype(np.uint64)
    sizes = [(0, 600), (600, 400)]
    found = list(read_pids(pid_frames(pids, sizes=sizes), sizes=sizes))
    assert np.concatenate(found).tolist() == pids.tolist()
    with pytest.raises(OrderInvalid):
        list(read_pids([bytes(15)], sizes=[(0, 1)]))


def test_an_order_reads_back_whole_and_shows_no_key() -> None:
    given = score_order(Mode.BFV, b"context")
    assert ScoreOrder.read(given.frames()) == given
    for secret in (b"k" * 32, b"o" * 32, bytes(32)):
        assert repr(secret) not in repr(given)


def test_an_order_with_any_member_changed_in_form_is_refused() -> None:
    first, *rest = score_order().frames()
    header = strict_json.parse_object(first)
    for name in header:
        less = {key: value for key, value in header.items() if key != name}
        for broken in (less, {**header, name: []}, {**header, "more": 1}):
            with pytest.raises(OrderInvalid):
                ScoreOrder.read(iter([strict_json.canonical(broken), *rest]))
    with pytest.raises(OrderInvalid):
        ScoreOrder.read(iter([first]))
    with pytest.raises(OrderInvalid):
        ScoreOrder.read(iter([b"{", *rest]))


@pytest.mark.parametrize("header", [b"", b"{}", b'{"parties":0,"slots":1}', b'{"parties":true,"slots":1}'])
def test_a_decrypt_order_out_of_form_is_refused(header: bytes) -> None:
    with pytest.raises(OrderInvalid):
        decrypt.main(iter([header, b"secret"]), lambda _: None)
