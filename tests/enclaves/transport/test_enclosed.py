"""What a mailbox answer brings along is believed no more than what is asked for, and no longer."""

from __future__ import annotations

import base64
import hashlib

import pytest

from enclaves.transport.enclosed import FRESH_SECONDS, MAX_CONTENT_BYTES, Enclosed
from enclaves.transport.errors import ResponseRefused
from policies.documents.strict_json import Json


class Hands:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def brought(*contents: bytes, log: tuple[Json, ...] = ()) -> dict[str, Json]:
    return {
        "content": [base64.b64encode(content).decode() for content in contents],
        "documents": [],
        "log": list(log),
    }


def note(size: int, *, min_size: int = 1) -> dict[str, Json]:
    return {
        "path": "checkpoint",
        "asked": {"min_size": min_size},
        "answer": {"note": f"note of {size}", "size": size},
    }


def test_content_is_found_under_its_own_digest_alone() -> None:
    enclosed = Enclosed()
    enclosed.take_in(brought(b"the bitmap"))
    assert enclosed.content(hashlib.sha256(b"the bitmap").hexdigest()) == b"the bitmap"
    assert enclosed.content(hashlib.sha256(b"another bitmap").hexdigest()) is None


def test_content_above_the_limit_is_not_kept() -> None:
    enclosed, large = Enclosed(), bytes(MAX_CONTENT_BYTES + 1)
    enclosed.take_in(brought(large))
    assert enclosed.content(hashlib.sha256(large).hexdigest()) is None


def test_an_answer_about_the_log_is_given_once() -> None:
    enclosed = Enclosed()
    enclosed.take_in(brought(log=(note(7),)))
    assert enclosed.log("checkpoint", {"min_size": 1}) == {"note": "note of 7", "size": 7}
    assert enclosed.log("checkpoint", {"min_size": 1}) is None


def test_an_answer_to_another_question_is_none() -> None:
    enclosed = Enclosed()
    enclosed.take_in(brought(log=(note(7, min_size=3),)))
    assert enclosed.log("checkpoint", {"min_size": 4}) is None
    assert enclosed.log("latest", {"min_size": 3}) is None


def test_a_late_answer_about_the_log_is_asked_for_anew() -> None:
    clock = Hands()
    enclosed = Enclosed(clock)
    enclosed.take_in(brought(log=(note(7),)))
    clock.at = FRESH_SECONDS + 0.1
    assert enclosed.log("checkpoint", {"min_size": 1}) is None


def test_a_note_behind_one_that_was_seen_is_not_used() -> None:
    enclosed = Enclosed()
    enclosed.saw(8)
    enclosed.take_in(brought(log=(note(7),)))
    assert enclosed.log("checkpoint", {"min_size": 1}) is None
    enclosed.take_in(brought(log=(note(8),)))
    assert enclosed.log("checkpoint", {"min_size": 1}) is not None


@pytest.mark.parametrize(
    "malformed",
    [
        {},
        {"content": "text", "documents": [], "log": []},
        {"content": ["not base64!"], "documents": [], "log": []},
        {"content": [], "documents": [{"payload": 1}], "log": []},
        {"content": [], "documents": [], "log": [{"path": "latest", "asked": {"size": "7"}, "answer": {}}]},
        {"content": [], "documents": [], "log": [{"path": "latest", "asked": {}, "answer": []}]},
    ],
)
def test_malformed_enclosures_are_refused(malformed: dict[str, Json]) -> None:
    with pytest.raises(ResponseRefused):
        Enclosed().take_in(malformed)
