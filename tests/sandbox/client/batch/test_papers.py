"""What lies on disk of a batch: a subject file that is wrong, a journal or an output that is another's or damaged."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.documents.authorization import Mode
from sandbox.client.batch.journal import Asking, Begun, Denied, Journal
from sandbox.client.batch.order import BatchOrder, open_batch
from sandbox.client.batch.repetitions import Repetitions
from sandbox.client.batch.score_file import HEADER
from sandbox.client.batch.state import pack, unpack
from sandbox.client.batch.subject_file import SubjectFile
from sandbox.client.errors import BatchMismatch, InputMalformed, JournalDamaged
from tests.sandbox.client.paper import NOW

A, B, C = "0a" * 16, "0b" * 16, "0c" * 16
DIGEST = "ab" * 32


def written(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def test_slices_of_a_file_are_its_ids_in_order(tmp_path: Path) -> None:
    ids = [bytes([n]) * 16 for n in range(10)]
    text = "\n\n" + "\r\n \n".join(consent.hex() for consent in ids)
    scanned = SubjectFile.scan(written(tmp_path / "ids", text), 4)

    assert scanned.count == 10
    assert [scanned.ids(number) for number in range(3)] == [ids[:4], ids[4:8], ids[8:]]
    assert scanned.sha256 == SubjectFile.scan(tmp_path / "ids", 10).sha256


WRONG: dict[str, tuple[str, str]] = {
    "empty": ("", "at least one consent id"),
    "blank": ("\n \n", "at least one consent id"),
    "short": (f"{A}\n{B[:-1]}\n", "line 2: expected a consent id"),
    "long": (f"{A}\n\n{B}0\n", "line 3: expected a consent id"),
    "capital letters": (f"{A.upper()}\n", "line 1: expected a consent id"),
    "a line without end": (f"{A}\n{' ' * 100_000}{B}", "line 2: expected a consent id"),
    "not text": ("\x00\xff", "line 1: expected a consent id"),
    "twice": (f"{A}\n{B}\n\n{A}\n{B}\n", "line 4: expected each consent once, got that of line 1"),
}


@pytest.mark.parametrize(("text", "said"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_subject_file_is_told_by_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputMalformed, match=said):
        SubjectFile.scan(written(tmp_path / "ids", text), 2)


def test_a_file_that_changes_under_a_batch_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "ids", f"{A}\n{B}\n")
    scanned = SubjectFile.scan(path, 2)
    written(path, f"{A}\n{C}\n")

    with pytest.raises(InputMalformed, match="read at first"):
        scanned.ids(0)


@given(st.lists(st.integers(0, 40), max_size=80), st.integers(1, 9))
def test_the_earliest_repetition_is_found_whatever_the_runs(values: list[int], run: int) -> None:
    search, seen, expected = Repetitions(io.BytesIO(), run=run), {}, None
    for number, value in enumerate(values, start=1):
        search.add(bytes([value]) * 16, number)
        if expected is None and value in seen:
            expected = (seen[value], number)
        seen.setdefault(value, number)

    assert search.first() == expected


@given(st.lists(st.booleans(), max_size=40))
def test_flags_are_read_as_they_were_written(flags: list[bool]) -> None:
    assert unpack(pack(flags), len(flags)) == flags


def order(folder: Path, ids: str = f"{A}\n{B}\n", **changes: object) -> BatchOrder:
    subjects = written(folder / "ids", ids)
    values: dict[str, object] = {"authorization": DIGEST, "subjects": subjects, "out": folder / "scores.csv"}
    return BatchOrder(**(values | changes))  # type: ignore[arg-type]  # members of an order


def opened(asked: BatchOrder) -> bool:
    """Open and close a batch; whether it was there."""
    with open_batch(asked, SubjectFile.scan(asked.subjects, asked.slice_size), now=NOW) as batch:
        return batch.resumed


OTHERS: dict[str, dict[str, object]] = {
    "authorization": {"authorization": "cd" * 32},
    "subjects": {"ids": f"{A}\n{C}\n"},
    "order of subjects": {"ids": f"{B}\n{A}\n"},
    "mode": {"mode": Mode.BFV},
    "slice": {"slice_size": 1},
    "page": {"page": 1},
}


@pytest.mark.parametrize("changes", OTHERS.values(), ids=OTHERS.keys())
def test_a_journal_of_another_order_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    assert not opened(order(tmp_path))
    before = (tmp_path / "scores.csv.journal").read_bytes()

    with pytest.raises(BatchMismatch, match="expected the journal of this batch"):
        opened(order(tmp_path, **changes))  # type: ignore[arg-type]  # members of an order

    assert (tmp_path / "scores.csv.journal").read_bytes() == before
    assert opened(order(tmp_path))


def test_a_journal_moved_to_another_output_is_refused(tmp_path: Path) -> None:
    opened(order(tmp_path))
    (tmp_path / "scores.csv.journal").rename(tmp_path / "other.csv.journal")

    with pytest.raises(BatchMismatch, match="other output"):
        opened(order(tmp_path, out=tmp_path / "other.csv"))


@pytest.mark.parametrize("journal", [False, True], ids=["alone", "beside an empty journal"])
def test_an_output_without_its_journal_is_never_touched(tmp_path: Path, journal: bool) -> None:
    out = written(tmp_path / "scores.csv", "mine\n")
    if journal:
        written(tmp_path / "scores.csv.journal", "torn at once")

    with pytest.raises(BatchMismatch, match="got the output alone"):
        opened(order(tmp_path))

    assert out.read_text() == "mine\n"


def test_what_a_crash_left_of_the_first_rows_is_cut_off_and_another_file_is_not(tmp_path: Path) -> None:
    opened(order(tmp_path))
    out = tmp_path / "scores.csv"
    for left in (HEADER, HEADER[:7], HEADER + b"0a0a0a"):
        out.write_bytes(left)
        assert opened(order(tmp_path))
        assert out.read_bytes() == b""

    for foreign in (b"mine\n", HEADER + b"x" * 10_000_000):
        out.write_bytes(foreign)
        with pytest.raises(BatchMismatch, match="another file"):
            opened(order(tmp_path))
        assert out.read_bytes() == foreign


EVENTS = [Asking(slice=0, round=0, page=0, turn=turn, at="2026-11-24T00:00:00Z") for turn in range(3)]


def journal_of(path: Path) -> bytes:
    """A journal of five lines."""
    with Journal(path) as journal:
        assert list(journal.read()) == []
        for event in (*EVENTS, Denied(slice=0, code="suspended"), EVENTS[0]):
            journal.append(event)
    return path.read_bytes()


def read_of(path: Path) -> list[object]:
    with Journal(path) as journal:
        return list(journal.read())


def test_a_torn_last_line_is_cut_off_wherever_it_is_torn(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    whole = journal_of(path)
    last = whole[:-1].rfind(b"\n") + 1

    for end in range(last, len(whole)):
        path.write_bytes(whole[:end])
        assert len(read_of(path)) == 4
        assert path.read_bytes() == whole[:last]


def test_after_a_torn_line_the_journal_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(journal_of(path)[:-5])
    with Journal(path) as journal:
        before = list(journal.read())
        journal.append(EVENTS[2])

    assert read_of(path) == [*before, EVENTS[2]]


def test_a_line_changed_left_out_or_moved_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    lines = journal_of(path).splitlines(keepends=True)
    rng = random.Random(7)
    damaged = [
        lines[:1] + lines[2:],
        lines[1:],
        [lines[0], lines[2], lines[1], *lines[3:]],
        [*lines, lines[0]],
    ]
    for _ in range(200):
        data = bytearray(b"".join(lines))
        # Not the last line feed: without it the last line is a torn one.
        data[rng.randrange(len(data) - 1)] ^= 1 << rng.randrange(8)
        damaged.append([bytes(data)])

    for wrong in damaged:
        path.write_bytes(b"".join(wrong))
        with pytest.raises(JournalDamaged, match="journal line"):
            read_of(path)


def test_events_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    opened(order(tmp_path))
    with Journal(tmp_path / "scores.csv.journal") as journal:
        (begun,) = journal.read()
        assert isinstance(begun, Begun)
        journal.append(begun)

    with pytest.raises(JournalDamaged, match="one beginning"):
        opened(order(tmp_path))
