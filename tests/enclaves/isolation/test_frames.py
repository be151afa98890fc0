"""Frames and limits: what is written is read, and everything else is refused."""

import contextlib
import io
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enclaves.isolation.errors import IsolationError
from enclaves.isolation.frames import FrameRefused, Kind, StreamBroken, error_class, header, read_frames
from enclaves.isolation.limits import MAX_FRAME_BYTES, Limits, Start

PAYLOADS = st.lists(st.binary(max_size=200), max_size=8)


def stream(payloads: list[bytes]) -> bytes:
    data = b"".join(header(Kind.DATA, len(payload)) + payload for payload in payloads)
    return data + header(Kind.END, 0)


@given(PAYLOADS, st.integers(1, 7))
def test_frames_are_read_as_written_however_the_pipe_cuts_them(payloads: list[bytes], step: int) -> None:
    source = io.BytesIO(stream(payloads))
    frames = list(read_frames(lambda count: source.read(min(count, step)), total_bytes=10_000))
    assert frames == [*((Kind.DATA, payload) for payload in payloads), (Kind.END, b"")]


@given(PAYLOADS, st.data())
def test_a_stream_cut_anywhere_is_broken(payloads: list[bytes], data: st.DataObject) -> None:
    whole = stream(payloads)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(StreamBroken):
        list(read_frames(io.BytesIO(whole[:cut]).read, total_bytes=10_000))


@given(st.binary(max_size=300))
def test_other_bytes_raise_nothing_but_the_rooms_own_error(data: bytes) -> None:
    with contextlib.suppress(FrameRefused):
        list(read_frames(io.BytesIO(data).read, total_bytes=1_000))


def test_a_length_above_the_cap_is_refused_before_it_is_read() -> None:
    def read(count: int) -> bytes:
        assert count <= 5, "the payload was asked for"
        return source.read(count)

    source = io.BytesIO(b"D" + (MAX_FRAME_BYTES + 1).to_bytes(4, "little"))
    with pytest.raises(FrameRefused):
        list(read_frames(read, total_bytes=1 << 40))
    with pytest.raises(FrameRefused):
        header(Kind.DATA, MAX_FRAME_BYTES + 1)


@pytest.mark.parametrize(("total", "fits"), [(6, True), (5, False)])
def test_the_total_counts_all_payloads(total: int, fits: bool) -> None:
    read = io.BytesIO(stream([b"abc", b"def"])).read
    if fits:
        assert len(list(read_frames(read, total_bytes=total))) == 3
    else:
        with pytest.raises(FrameRefused):
            list(read_frames(read, total_bytes=total))


@pytest.mark.parametrize(
    ("payload", "name"),
    [
        (b"ValueError", "ValueError"),
        (b"_Private1", "_Private1"),
        (b"", "UnnamedError"),
        (b"1st", "UnnamedError"),
        (b"a row value", "UnnamedError"),
        (b"Name\n", "UnnamedError"),
        ("Größe".encode(), "UnnamedError"),
        (b"x" * 65, "UnnamedError"),
    ],
)
def test_only_identifiers_pass_as_error_classes(payload: bytes, name: str) -> None:
    assert error_class(payload) == name


@pytest.mark.parametrize(
    "fields",
    [
        {"address_space_bytes": 0},
        {"cpu_seconds": -1},
        {"open_files": 1_025},
        {"wall_seconds": 0.0},
        {"wall_seconds": math.nan},
        {"wall_seconds": math.inf},
        {"cpu_seconds": 1.5},
        {"processes": True},
        {"scratch_bytes": "1"},
        {"output_bytes": (8 << 30) + 1},
    ],
)
def test_unfit_limits_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(IsolationError):
        Limits(**fields)


def test_the_kill_falls_between_the_limit_and_one_and_a_half_times_it() -> None:
    limits = Limits(wall_seconds=30.0)
    assert 30.0 < limits.kill_after_seconds < 45.0


def test_start_survives_the_pipe() -> None:
    start = Start(target="enclaves.worker.x", limits=Limits(wall_seconds=1.5, cpu_seconds=7))
    assert Start.from_bytes(start.to_bytes()) == start


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b"[" * 100_000,
        b'{"target": "x"}',
        b'{"target": 1, "limits": {}}',
        b'{"target": "x", "limits": {}}',
        json.dumps({"target": "x", "limits": Limits().to_mapping() | {"more": 1}}).encode(),
        json.dumps({"target": "x", "limits": Limits().to_mapping() | {"cpu_seconds": "1"}}).encode(),
        json.dumps({"target": "x", "limits": Limits().to_mapping() | {"cpu_seconds": None}}).encode(),
    ],
)
def test_malformed_start_frames_are_refused(data: bytes) -> None:
    with pytest.raises(IsolationError):
        Start.from_bytes(data)
