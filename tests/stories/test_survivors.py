"""Four departments in real processes, one killed after its shares: the table still comes, and is that of the other three."""

from __future__ import annotations

import csv
import json
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from policies.authorization import data_list_digest
from policies.documents.authorization import (
    Authorization,
    ConsentBasis,
    DatasetCitation,
    JobKind,
    Limits,
    ListedColumn,
    Mode,
    Purpose,
    PurposeClass,
    QueryTerms,
    Scenario,
)
from policies.documents.dataset import Dataset
from policies.documents.fields import Bilingual
from policies.documents.review import Finding
from policies.documents.trust import Role
from sandbox.client import (
    Agency,
    Department,
    Insurer,
    Member,
    Operator,
    Partner,
)
from sandbox.client.reviewer import UNDER_REVIEW, Reviewer
from sandbox.demo import declarations, statistics, story
from sandbox.demo.processes import Processes
from sandbox.founding import FoundedDistrict, create
from sandbox.founding.layout import Founder
from tests.enclaves.agent.figures import BANDS, figures, figures_dataset, question

NAMES = ("education", "hospital", "social", "transport")
GONE = "social"
TITLE = Bilingual(zh="统计", en="Statistics")
SELECT = "SELECT band, COUNT(DISTINCT person) AS persons, SUM(visits) AS v FROM {table} GROUP BY band"
TIMEOUT_S = 8
SECONDS = 150.0


@dataclass
class Town:
    """The district and those who act in it."""

    district: FoundedDistrict
    processes: Processes
    partner: Partner
    insurer: Insurer
    scenario: Scenario
    authorization: Authorization

    def transcribed(self, enclave: str) -> bool:
        """Whether the coordinator has the enclave's transcript, and with it the shares it dealt."""
        state = self.district.folder("coordinator") / "state"
        (path,) = [p for p in state.rglob("*") if p.suffix in {".sqlite", ".db", ".sqlite3"}]
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            found = db.execute(
                "SELECT 1 FROM run_items WHERE topic = 'transcript' AND party = ?", (enclave,)
            ).fetchall()
        return bool(found)


def of(data: Dataset, name: str, folder: Path) -> Path:
    path = folder / f"{name}.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([column.name for column in data.columns])
        for f in figures(name):
            row = (f.person, f.year, f.band, f.sex, f.spent, f.visits)
            writer.writerow(["" if value is None else value for value in row])
    return path


def load(processes: Processes, district: FoundedDistrict, folder: Path) -> dict[str, Dataset]:
    declared = {name: figures_dataset(name) for name in NAMES}
    for name, dataset in declared.items():
        home = district.folder(f"{name}-enclave") / "home"
        paper = folder / f"{name}.dataset.json"
        paper.write_bytes(dataset.envelope(district.keys(name).identity).to_bytes())
        processes.run(("dataset", "register", str(paper), "--home", str(home), "--json"))
        source = of(dataset, name, folder)
        processes.run(("dataset", "refresh", dataset.id, str(source), "--home", str(home), "--json"))
    return declared


def agree(district: FoundedDistrict, declared: dict[str, Dataset]) -> tuple[Scenario, Authorization]:
    now, folder = datetime.now(UTC), district.folder
    departments = [Department.open(folder(name)) for name in NAMES]
    agency, operator = Agency.open(folder("agency")), Operator.open(folder("operator"))
    partner = Partner.open(folder("partner"))
    for department, dataset in zip(departments, declared.values(), strict=True):
        department.submit_document(dataset)
    overall, price = declarations.overall_authorization(now), statistics.price_filing(now)
    for document in (overall, price):
        story.sign(document, agency, operator)
    scenario = Scenario(
        id="scenario-statistics",
        version=1,
        title=TITLE,
        purpose=Purpose(code="statistics", text=TITLE, purpose_class=PurposeClass.COMMERCIAL),
        partner="partner",
        recipients=("insurer",),
        datasets=tuple(
            DatasetCitation(department=name, dataset=d.id, digest=d.digest) for name, d in declared.items()
        ),
        data_list=tuple(
            ListedColumn(department=name, dataset=d.id, column=column.name, use=use)
            for name, d in declared.items()
            for column in d.columns
            for use in column.uses
        ),
        modes=(Mode.MASKED,),
        consent=ConsentBasis(service="consent-service"),
        limits=Limits(vet_jobs=1, score_jobs=1, aggregate_jobs=20, fetches=100),
        price_class=statistics.PRICE_CLASS,
        pre_assessment=declarations.pre_assessment("scenario-statistics", now=now),
        overall=overall.digest,
        term=declarations.term(now, days=365),
    )
    trust = agency.trust
    permit = Authorization(
        id="authorization-statistics",
        version=1,
        scenario=scenario.digest,
        overall=overall.digest,
        model=None,
        vetting_report=None,
        queries=QueryTerms(free=True),
        price_filing=price.digest,
        data_list=data_list_digest(scenario),
        job_kinds=(JobKind.AGGREGATE,),
        modes=(Mode.MASKED,),
        roster=declarations.roster(trust, scenario.departments),
        gate=trust.sole(Role.GATE).id,
        recipients=(declarations.insurer_of(trust),),
        gate_sees_totals=False,
        min_log_size=0,
        term=declarations.term(now, days=180),
    )
    signers: tuple[Member, ...] = (*departments, agency, operator)
    for paper in (scenario, permit):
        story.sign(paper, partner, *signers)
    for member in (*signers, partner):
        member.close()
    return scenario, permit


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    directory = tmp_path_factory.mktemp("town")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    founders = [Founder(name, Role.DEPARTMENT, name, name) for name in NAMES]
    district = create(directory / "district", name=TITLE, departments=founders, base_port=port)
    settings = district.folder("coordinator") / "coordinator.toml"
    settings.write_text(settings.read_text() + f"attempt_timeout_s = {TIMEOUT_S}\n")
    with Processes(directory / "logs") as processes:
        declared = load(processes, district, directory)
        story.start(processes, district)
        scenario, permit = agree(district, declared)
        partner = Partner.open(district.folder("partner"))
        insurer = Insurer.open(district.folder("insurer"))
        with partner, insurer:
            yield Town(district, processes, partner, insurer, scenario, permit)


def to_base(count: int) -> int:
    """The nearest multiple of five."""
    return (2 * count + 5) // 10 * 5


def to_digits(value: Decimal) -> Decimal:
    """Three significant digits."""
    return value if not value else round(value, 2 - value.adjusted())


def review(town: Town, release: str) -> None:
    for reader, signer in (("hospital-enclave", "hospital"), ("examiner", "examiner")):
        with Reviewer.open(town.district.folder(reader)) as opened:
            opened.copy(release)
        with Reviewer.open(town.district.folder(signer)) as signing:
            signing.post_review(release, Finding.APPROVE, TITLE)


def test_an_enclave_killed_after_its_shares_costs_the_table_its_rows_and_nothing_else(town: Town) -> None:
    query = question(town.scenario.digest, SELECT, NAMES, groups=[(band,) for band in BANDS])
    submitted = town.partner.submit_aggregate_job(
        town.scenario.digest,
        authorization=town.authorization.digest,
        query=town.partner.submit_query(query),
        recipient="insurer",
    )
    enclave, deadline = f"{GONE}-enclave", time.monotonic() + SECONDS
    while not town.transcribed(enclave):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    town.processes.kill(enclave)
    reviewed = False
    while (status := town.partner.endpoint.job(submitted.job)).state != "done":
        assert time.monotonic() < deadline, status
        assert status.state not in {"refused", "failed", "cancelled"}, status
        if status.state == UNDER_REVIEW and status.releases and not reviewed:
            review(town, status.releases[0])
            reviewed = True
        time.sleep(0.1)
    assert status.attempt == 1
    steps = [step.step for step in status.progress]
    assert steps.index("contributions") < steps.index("survivors") < steps.index("unmasking")
    opened = town.insurer.fetch_table(town.authorization.digest, status.releases[0])
    rows = {row["key"][0]: row["values"] for row in json.loads(opened.text)["rows"]}
    assert set(rows) == set(BANDS)
    left = [name for name in NAMES if name != GONE]
    for band, (persons, visits) in rows.items():
        cells = [[f for f in figures(name) if f.band == band] for name in left]
        assert persons == to_base(sum(len({f.person for f in cell}) for cell in cells))
        assert Decimal(visits) == to_digits(Decimal(to_base(sum(f.visits for cell in cells for f in cell))))
    assert opened.report["domains"] == len(left)
