"""A small district of real processes, and rounds of one job in which one process is killed with SIGKILL.

What a round does: submit a job, kill a process after a random delay and start it again at once, file documents until the job
has ended, fetch every score with each request sent twice under one Idempotency-Key; in some rounds the coordinator is
killed in the middle of that too. `books` then looks whether anything was lost, used twice or billed twice.
"""

from __future__ import annotations

import random
import secrets
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psutil

from enclaves.transport.endpoint import Endpoint, JobStatus
from enclaves.transport.party import PartyKeys
from policies.documents.authorization import Mode
from policies.documents.strict_json import Json
from policies.documents.vetting import Verdict
from sandbox.client import Agency, Partner
from sandbox.client.insurer import RECEIPTS, Insurer
from sandbox.client.member import fresh_id
from sandbox.client.receipts import ReceiptBook
from sandbox.demo import declarations, story
from sandbox.demo.cast import Cast
from sandbox.demo.processes import Processes
from sandbox.demo.story import Approved
from sandbox.founding import FoundedDistrict
from tests.stories import invented

ATTEMPT_TIMEOUT_S = 8
PARTITIONED = "hospital"
"""The department whose enclave fans masked jobs out over partitions, on a local pool."""
PARTITIONS = 2
GROUPS = 4
"""Each person is scored in every fourth round: 2 bits a job, 32 a year."""
WITHDRAWN_EACH = 2
PAGE = 30
JOB_SECONDS = 120.0
FILE_EVERY_S = 0.8
FETCH = "/v1/scores/fetch"


class PatientEndpoint(Endpoint):
    """Outlasts a restart of the coordinator, and asks for every delivery twice under the same key."""

    def post_json(
        self,
        path: str,
        body: Mapping[str, Json],
        *,
        scenario: str | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Json]:
        key = idempotency_key or secrets.token_hex(16)
        first = super().post_json(path, body, scenario=scenario, idempotency_key=key)
        if path == FETCH:
            again = super().post_json(path, body, scenario=scenario, idempotency_key=key)
            assert again == first, "the same request under the same key was answered differently"
        return first


@dataclass(frozen=True, slots=True)
class Round:
    """One round as the seed draws it. `fetch_delay` is None where fetching is left alone."""

    number: int
    mode: Mode
    victim: str
    delay: float
    fetch_delay: float | None


def drawn_rounds(seed: int, count: int, enclaves: list[str]) -> Iterator[Round]:
    """Every three rounds kill coordinator, an enclave and the gate, in random order; modes alternate."""
    rng = random.Random(seed)
    victims: list[str] = []
    for number in range(count):
        if not victims:
            victims = ["coordinator", rng.choice(enclaves), "gate"]
            rng.shuffle(victims)
        yield Round(
            number,
            (Mode.MASKED, Mode.BFV)[number % 2],
            victims.pop(),
            rng.uniform(0.0, 2.5),
            rng.uniform(0.0, 0.25) if rng.random() < 0.5 else None,
        )


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What clients were told is done: from then on it must never be missing."""

    documents: set[str] = field(default_factory=set)
    jobs: dict[str, JobStatus] = field(default_factory=dict)
    log: list[bytes] = field(default_factory=list)
    witnessed: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Site:
    """The district, who acts in it, and what must come out."""

    district: FoundedDistrict
    logs: Path
    processes: Processes
    cast: Cast
    insurer: Insurer
    partner: Partner
    agency: Agency
    """These three outlast a restart of the coordinator; the cast's own give up sooner."""
    approved: Approved
    scenario: str
    groups: tuple[tuple[str, ...], ...]
    bands: Mapping[str, int]
    """Consent → band by the reference."""
    withdrawn: frozenset[str]
    told: Acknowledged

    @property
    def enclaves(self) -> list[str]:
        return [name for name in self.district.processes() if name.endswith("-enclave")]

    def kill_and_restart(self, name: str, after: float) -> None:
        time.sleep(after)
        self.processes.kill(name)
        self.processes.start(name, self.district.processes()[name])

    @contextmanager
    def killing(self, name: str, after: float) -> Iterator[Future[None]]:
        """Kill and restart `name` while the block runs."""
        with ThreadPoolExecutor(1) as pool:
            killed = pool.submit(self.kill_and_restart, name, after)
            yield killed
            killed.result()

    def play(self, turn: Round) -> JobStatus:
        """One round; returns how the job ended, its scores having been fetched and compared."""
        consents = self.groups[turn.number % GROUPS]
        authorization = self.approved.authorization
        with self.killing(turn.victim, turn.delay):
            job = self.insurer.submit_job(
                self.scenario,
                model=self.approved.model,
                consents=consents,
                recipient="insurer",
                authorization=authorization.digest,
                mode=turn.mode,
            ).job
            ended = self.insurer.wait(job, self.file_something, seconds=JOB_SECONDS, every=FILE_EVERY_S)
        self.told.jobs[job] = ended
        if ended.state == "done":
            if turn.fetch_delay is None:
                self.fetch_all(consents)
            else:
                with self.killing("coordinator", turn.fetch_delay):
                    self.fetch_all(consents)
        self.check_running()
        return ended

    def play_vet(self, turn: Round) -> JobStatus:
        """A vet job under the same fire; what the gate tells of it is what plain counting gives."""
        consents = tuple(self.bands)
        with self.killing(turn.victim, turn.delay):
            job = self.partner.submit_vet_job(self.scenario, model=self.approved.model, consents=consents).job
            ended = self.partner.wait(job, self.file_something, seconds=JOB_SECONDS, every=FILE_EVERY_S)
        self.told.jobs[job] = ended
        if ended.state == "done":
            told = self.cast.examiner.findings(self.approved.model, job=job).bands
            counts = Counter(self.bands[consent] for consent in consents if consent not in self.withdrawn)
            assert told.counts == tuple(5 * round(counts[band] / 5) for band in range(invented.BANDS))
        self.check_running()
        return ended

    def file_something(self, _: JobStatus) -> None:
        """A document of the agency's in the middle of it all; acknowledged, it must stay."""
        filing = declarations.price_filing(datetime.now(UTC)).model_copy(update={"id": fresh_id("price")})
        self.told.documents.add(self.agency.submit_document(filing).digest)

    def fetch_all(self, consents: tuple[str, ...]) -> None:
        """Every effective slot is handed over, and its band is that of the reference."""
        for start in range(0, len(consents), PAGE):
            page = consents[start : start + PAGE]
            fetched = self.insurer.fetch(self.approved.authorization.digest, page)
            refused = {item.consent: item.code for item in fetched.refused}
            assert refused == dict.fromkeys(self.withdrawn & set(page), "consent_withdrawn")
            got = {score.consent: score.band for score in fetched.scores}
            assert got == {consent: self.bands[consent] for consent in page if consent not in self.withdrawn}

    def partitions_done(self) -> int:
        """How often the partitioned enclave said that a run's last partition was done."""
        told = (self.logs / f"{PARTITIONED}-enclave.log").read_text(errors="replace")
        return told.count(f"partitions: {PARTITIONS} done")

    def check_running(self) -> None:
        """No process has ended on its own."""
        for name, pid in self.processes.pids().items():
            assert psutil.Process(pid).status() != psutil.STATUS_ZOMBIE, f"{name} has ended"


@contextmanager
def small_district(directory: Path) -> Iterator[Site]:
    """Found it, load it, vet and authorize the invented model once; the caller kills."""
    rng = np.random.default_rng(7)
    files, sources = invented.write_files(directory / "sources", rng)
    district = story.found(directory / "district")
    settings = district.folder("coordinator") / "coordinator.toml"
    settings.write_text(settings.read_text() + f"attempt_timeout_s = {ATTEMPT_TIMEOUT_S}\n")
    with ExitStack() as closing, Processes(directory / "logs") as processes:
        declared = story.register_data(processes, district, sources)
        _partition(processes, district, declared[PARTITIONED].id)
        story.start(processes, district)
        cast = Cast.of(district)
        patient = {name: _patient(district, name) for name in ("insurer", "partner", "agency")}
        book = ReceiptBook(district.folder("insurer") / RECEIPTS)
        insurer = Insurer(*patient["insurer"], receipts=book)
        partner, agency = Partner(*patient["partner"]), Agency(*patient["agency"])
        for member in (*cast.signers, cast.examiner, cast.partner, cast.insurer, cast.auditor):
            closing.enter_context(member)
        for member in (cast.consent_service, insurer, partner, agency):
            closing.enter_context(member)
        agreements = story.agree(cast, declared)
        consents = story.gather_consents(cast, agreements, sources)
        fitted = invented.invented_model(files, rng, scenario=agreements.scenario.digest)
        model, report = story.vet(cast, fitted, consents)
        assert report.verdict is Verdict.PASS, [
            c.figure for c in report.checks if c.verdict is Verdict.REJECT
        ]
        authorization = story.authorize(cast, agreements, model, report)
        groups = tuple(tuple(consents.ids[place::GROUPS]) for place in range(GROUPS))
        withdrawn = frozenset(consent for group in groups for consent in group[5 : 5 + WITHDRAWN_EACH])
        cast.consent_service.withdraw(sorted(withdrawn))
        expected = invented.reference_bands(files, fitted)
        site = Site(
            district=district,
            logs=directory / "logs",
            processes=processes,
            cast=cast,
            insurer=insurer,
            partner=partner,
            agency=agency,
            approved=Approved(model, report, authorization),
            scenario=agreements.scenario.digest,
            groups=groups,
            bands={consent: expected[person.text] for person, consent in consents.by_person.items()},
            withdrawn=withdrawn,
            told=Acknowledged(),
        )
        site.told.documents.update(
            line.digest for kind in ACKNOWLEDGED_KINDS for line in cast.operator.documents(kind)
        )
        yield site


ACKNOWLEDGED_KINDS = (
    "dataset",
    "overall-authorization",
    "price-filing",
    "scenario",
    "model",
    "vetting-report",
    "authorization",
)


def _partition(processes: Processes, district: FoundedDistrict, dataset: str) -> None:
    folder = district.folder(f"{PARTITIONED}-enclave")
    home = str(folder / "home")
    processes.run(("dataset", "split", dataset, "--partitions", str(PARTITIONS), "--home", home, "--json"))
    settings = folder / "enclave.toml"
    # No worker waits, else these small jobs would go to it.
    settings.write_text(settings.read_text() + f"\n[execution]\npartitions = {PARTITIONS}\nprestarted = 0\n")


def _patient(district: FoundedDistrict, party: str) -> tuple[PatientEndpoint, PartyKeys]:
    config, keys = district.config(party), district.keys(party)
    endpoint = PatientEndpoint(
        config.url,
        party=party,
        identity_key=keys.identity,
        trust=district.trust,
        pause=_pause_briefly,
        tries=300,
    )
    return endpoint, keys


def _pause_briefly(seconds: float) -> None:
    """Growing pauses would outgrow the few seconds a restart takes."""
    time.sleep(min(seconds, 0.2))
