"""`domicile score batch` as a process of its own against a served coordinator: killed, interrupted, left alone by it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from enclaves.transport.endpoint import Unavailable
from enclaves.transport.party import PartyKeys
from policies.authorization import check_trust_root
from policies.documents import envelope as dsse
from sandbox.client.receipts import ReceiptBook
from tests.sandbox.client.batch.stage import BAND, SEALING, cast_of, outcomes
from tests.sandbox.doubles import Cast
from tests.sandbox.kit import Site, key_of
from tests.sandbox.papers import Papers, agree, consents

SLICE = 700
SECONDS = 120.0


@dataclass
class Play:
    """A served coordinator, everybody who computes in a thread, and the insurer's folder."""

    site: Site
    papers: Papers
    cast: Cast
    folder: Path
    over: threading.Event = field(default_factory=threading.Event)

    def perform(self) -> None:
        """Everybody takes turns until it is over; while the coordinator is away, they wait."""
        while not self.over.is_set():
            try:
                done = sum(double.turn() for double in (*self.cast.enclaves, self.cast.gate))
            except Unavailable:
                done = 0
            if not done:
                time.sleep(0.02)

    def command(self, subjects: Path, out: Path) -> list[str]:
        return [
            sys.executable, "-m", "sandbox.cli.main", "score", "batch", "--json", "--as", str(self.folder),
            "--authorization", self.papers.authorization.digest, "--subjects", str(subjects), "--out", str(out),
            "--slice", str(SLICE),
        ]  # fmt: skip

    def start(self, subjects: Path, out: Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(subjects, out), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def finish(self, subjects: Path, out: Path) -> list[dict[str, object]]:
        """Run the command to its end; the JSON lines it told."""
        done = subprocess.run(
            self.command(subjects, out), capture_output=True, text=True, timeout=SECONDS, check=False
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return [json.loads(line) for line in done.stdout.splitlines()]

    def subjects(self, name: str, count: int) -> tuple[Path, list[str]]:
        ids = [grant.id.hex() for grant in consents(self.site, self.papers, count)]
        path = self.folder / f"{name}.txt"
        path.write_text("".join(f"{consent}\n" for consent in ids))
        return path, ids

    def billed(self) -> int:
        """Units metered under the authorization, this month and, at its turn, the month before."""
        now = time.gmtime()
        months = {time.strftime("%Y-%m", now), time.strftime("%Y-%m", time.gmtime(time.time() - 3600))}
        events = [e for month in months for e in self.site.endpoint("operator").usage(month)["events"]]  # type: ignore[union-attr]  # JSON by protocol
        return sum(int(str(event["data"]["units"])) for event in events)  # type: ignore[index,call-overload]  # JSON by protocol

    def received(self) -> int:
        return sum(receipt.units for receipt in ReceiptBook(self.folder / "receipts.jsonl").receipts)


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    home, folder = tmp_path / "site", tmp_path / "insurer"
    home.mkdir()
    folder.mkdir()
    site = Site(home)
    site.start()
    write_folder(site, folder)
    play = Play(site, agree(site), cast_of(site).catch_up(), folder)
    thread = threading.Thread(target=play.perform)
    thread.start()
    try:
        yield play
    finally:
        play.over.set()
        thread.join()
        site.close()


def write_folder(site: Site, folder: Path) -> None:
    """The insurer's settings and keys."""
    envelope = dsse.parse((site.folder / "trust-root.json").read_bytes())
    check_trust_root(envelope, envelope.digest)
    keys = PartyKeys(key_of("insurer"), SEALING)
    (folder / "keys.json").write_text(json.dumps(keys.to_json()))
    (folder / "client.toml").write_text(
        f'party = "insurer"\nurl = "{site.url}"\ntrust_root = "{site.folder / "trust-root.json"}"\n'
        f'pin = "{envelope.digest}"\nkeys = "keys.json"\n'
    )


def wait_for_growth(journal: Path, process: subprocess.Popen[str], more: int) -> None:
    """Until the journal has `more` bytes more than now, or the process has ended."""
    goal = (journal.stat().st_size if journal.exists() else 0) + more
    deadline = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if journal.exists() and journal.stat().st_size >= goal:
            return
        time.sleep(0.002)


def play_kills(play: Play, kills: int, *, slices: int) -> None:
    """Kill the command `kills` times at drawn moments, let it end, and look at the books."""
    seed = int(os.environ.get("BATCH_KILL_SEED") or random.SystemRandom().randrange(2**32))
    print(f"\nBATCH_KILL_SEED={seed}")
    rng = random.Random(seed)
    subjects, ids = play.subjects("killed", slices * SLICE - 100)
    out = play.folder / "killed.csv"
    hit = 0
    for _ in range(kills):
        process = play.start(subjects, out)
        wait_for_growth(out.with_name("killed.csv.journal"), process, rng.randrange(1, 900))
        time.sleep(rng.uniform(0, 0.05))
        process.kill()
        process.communicate()
        hit += process.returncode == -signal.SIGKILL

    told = play.finish(subjects, out)

    assert hit >= kills // 2, "expected most kills to hit a running batch"
    assert told[-1]["event"] == "done"
    assert outcomes(out) == dict.fromkeys(ids, BAND)
    assert play.billed() == play.received() == len(ids)
    jobs = [told for told in play.cast.gate.heard if told.topic == "outcome"]
    assert len(jobs) == slices


@pytest.mark.req("RQ-317")
def test_a_killed_batch_goes_on_and_pays_for_nothing_twice(play: Play) -> None:
    play_kills(play, 4, slices=3)


@pytest.mark.long
@pytest.mark.req("RQ-317")
def test_forty_kills_lose_nothing_and_pay_for_nothing_twice(play: Play) -> None:
    play_kills(play, 40, slices=20)


def test_ctrl_c_and_a_lost_coordinator_end_the_command_and_not_the_batch(play: Play) -> None:
    subjects, ids = play.subjects("left", 12 * SLICE)
    out = play.folder / "left.csv"
    journal = out.with_name("left.csv.journal")
    process = play.start(subjects, out)
    wait_for_growth(journal, process, 1000)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    assert said == "interrupted: the same command goes on from here\n"

    process = play.start(subjects, out)
    wait_for_growth(journal, process, 1)
    play.site.kill()
    told, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 5
    assert json.loads(told.splitlines()[-1])["error"]["code"] == "unavailable"
    play.site.start()

    lines = play.finish(subjects, out)

    assert lines[0]["event"] == "resumed"
    assert {line["subjects"] for line in lines} == {len(ids)}
    assert lines[-1]["scored"] == len(ids)
    assert outcomes(out) == dict.fromkeys(ids, BAND)
    assert play.billed() == play.received() == len(ids)


def test_the_ids_in_force_are_written_for_a_batch(play: Play) -> None:
    _, ids = play.subjects("held", 600)
    out = play.folder / "ids.txt"
    command = [
        sys.executable, "-m", "sandbox.cli.main", "score", "subjects", "--as", str(play.folder),
        "--authorization", play.papers.authorization.digest, "--out", str(out),
    ]  # fmt: skip

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[0] == "600 consents"
    assert sorted(out.read_text().split()) == sorted(ids)
    assert [path.name for path in play.folder.glob(".ids*")] == []
