"""The order of the child that opens reals: read strictly, pieces joined, anything else refused before a key is parsed."""

from __future__ import annotations

import numpy as np
import pytest

from enclaves.protocols import ckks
from enclaves.protocols.ckks import CkksRefused, Release
from enclaves.protocols.errors import ProtocolError
from enclaves.worker import decrypt_reals
from enclaves.worker.errors import OrderInvalid
from policies.documents import strict_json

RELEASE = Release(parties=2, slots=2_049, bound=12.5, grid_bits=0)
HEADER: dict[str, strict_json.Json] = {"parties": 2, "slots": 2_049, "bound": "12.5", "grid_bits": 0}


def run(frames: list[bytes]) -> list[bytes]:
    emitted: list[bytes] = []
    decrypt_reals.main(iter(frames), emitted.append)
    return emitted


@pytest.fixture(scope="module")
def frames() -> list[bytes]:
    keys = ckks.generate()
    sent = [ckks.encrypt(keys.public, np.full(2_049, value), release=RELEASE) for value in (10.0, -4.0)]
    return list(decrypt_reals.order_frames(keys.secret, sent, release=RELEASE))


def test_an_order_opens_to_one_frame_of_sums(frames: list[bytes]) -> None:
    assert strict_json.parse_object(frames[0]) == HEADER
    (emitted,) = run(frames)
    sums = np.frombuffer(emitted, dtype="<i8")
    assert sums.shape == (2_049,)
    assert int(np.abs(sums - 6).max()) <= 2


def test_contributions_travel_in_pieces_of_any_size(
    frames: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decrypt_reals, "PIECE_BYTES", 50_000)
    again = list(decrypt_reals.order_frames(frames[1], frames[2:], release=RELEASE))
    assert len(again) == 2 + 2 * 3
    assert len(run(again)) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"parties": True},
        {"slots": "2049"},
        {"grid_bits": None},
        {"bound": "twelve"},
        {"bound": "sNaN"},
        {"bound": None},
        {"more": 1},
    ],
)
def test_another_header_is_refused(frames: list[bytes], change: dict[str, strict_json.Json]) -> None:
    with pytest.raises(OrderInvalid):
        run([strict_json.canonical({**HEADER, **change}), *frames[1:]])


@pytest.mark.parametrize("header", [b"", b"[]", b"{", b'{"parties": 2, "parties": 2}'])
def test_what_is_no_header_is_refused(frames: list[bytes], header: bytes) -> None:
    with pytest.raises(OrderInvalid):
        run([header, *frames[1:]])


@pytest.mark.parametrize(
    "change", [{"bound": "Infinity"}, {"bound": "NaN"}, {"grid_bits": 30}, {"parties": 65}]
)
def test_a_release_that_must_not_be_is_refused(
    frames: list[bytes], change: dict[str, strict_json.Json]
) -> None:
    with pytest.raises(ProtocolError):
        run([strict_json.canonical({**HEADER, **change}), *frames[1:]])


def test_frames_too_many_or_too_few_are_refused(frames: list[bytes]) -> None:
    for given in (frames[:-1], [*frames, b"x"], [*frames[:2], frames[2] + b"x", frames[3]], frames[:2]):
        with pytest.raises(OrderInvalid):
            run(given)
    with pytest.raises(CkksRefused):
        run([frames[0], b"", *frames[2:]])
