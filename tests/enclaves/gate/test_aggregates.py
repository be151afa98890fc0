"""Whole aggregate runs: governed statements through real enclaves and gate, against plain arithmetic over all rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from policies.documents.authorization import QueryTerms, TightenedLimit
from policies.documents.job import TableRelease
from policies.documents.query import Parameter, ParameterType, ParameterValue, ResultFormat
from policies.documents.review import Finding
from tests.enclaves.agent.district import NAMES, District, found
from tests.enclaves.agent.figures import BANDS, Figure, figures, publish

BY_BAND = (
    "SELECT band, COUNT(DISTINCT person) AS persons, SUM(visits) AS v, AVG(spent) AS mean"
    " FROM {table} GROUP BY band ORDER BY persons DESC"
)
GROUPS = [(band,) for band in BANDS]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> District:
    return found(tmp_path_factory.mktemp("district"))


@pytest.fixture
def fresh(tmp_path: Path) -> District:
    """A district that nobody has asked anything: earlier answers would take part in what may be released."""
    return found(tmp_path)


def opened(district: District, select: str, *names: str, **more: Any) -> dict[str, Any]:
    plan, envelope = district.run(district.asked(select, *names, **more))
    found_table = district.table(plan, envelope)
    return (
        {**found_table, "json": json.loads(found_table["table"])}
        if found_table["format"] == "json"
        else found_table
    )


def to_base(count: int) -> int:
    """The nearest multiple of five."""
    return (2 * count + 5) // 10 * 5


def to_digits(value: Decimal) -> Decimal:
    """Three significant digits."""
    return value if not value else round(value, 2 - value.adjusted())


def of_band(names: Sequence[str], band: str) -> list[list[Figure]]:
    return [[f for f in figures(name) if f.band == band] for name in names]


def test_three_domains_answer_as_one_and_every_number_is_the_plain_one(shared: District) -> None:
    answer = opened(shared, BY_BAND, groups=GROUPS)
    rows = {row["key"][0]: row["values"] for row in answer["json"]["rows"]}
    assert set(rows) == set(BANDS)
    for band, (persons, visits, _) in rows.items():
        cells = of_band(NAMES, band)
        assert persons == to_base(sum(len({f.person for f in cell}) for cell in cells))
        assert Decimal(visits) == to_digits(Decimal(to_base(sum(f.visits for cell in cells for f in cell))))
    counts = [row["values"][0] for row in answer["json"]["rows"]]
    assert counts == sorted(counts, reverse=True)
    assert answer["report"]["domains"] == 3


def test_one_domain_answers_over_the_groups_it_has(fresh: District) -> None:
    select = "SELECT sex, year, COUNT(*) AS n, AVG(spent) AS mean FROM {table} GROUP BY ALL"
    answer = opened(fresh, select, "hospital")
    rows = {tuple(row["key"]): row["values"] for row in answer["json"]["rows"]}
    held = figures("hospital")
    assert {(None, 2023), ("F", 2024), ("M", 2025)} <= set(rows)
    for (sex, year), (count, mean) in rows.items():
        cell = [f for f in held if (f.sex, f.year) == (sex, year)]
        assert count == to_base(len(cell))
        spent = [Decimal(str(f.spent)) for f in cell if f.spent is not None]
        if mean is not None:
            exact = sum(spent) / len(spent)
            # From rounded parts: the count is off by at most 2.5, the sum by half a unit of its third digit.
            assert abs(Decimal(mean) - exact) <= exact * (Decimal(3) / len(spent) + Decimal("0.006"))


@pytest.mark.parametrize("form", [ResultFormat.CSV, ResultFormat.ARROW])
def test_a_table_is_written_as_asked(shared: District, form: ResultFormat) -> None:
    answer = opened(shared, BY_BAND, groups=GROUPS, form=form)
    assert answer["format"] == form.value
    if form is ResultFormat.CSV:
        lines = answer["table"].decode().splitlines()
        assert lines[0].startswith("band,persons")
        assert len(lines) == 1 + len(BANDS)
    else:
        table = pa.ipc.open_stream(answer["table"]).read_all()
        assert table.num_rows == len(BANDS)


def test_a_template_takes_its_parameters_as_literals(fresh: District) -> None:
    parameters = [Parameter(name="year", type=ParameterType.INTEGER, choices=("2023", "2024"))]
    select = "SELECT band, COUNT(*) AS n FROM {table} WHERE year = {year} GROUP BY band"
    from tests.enclaves.agent.figures import question

    query = question(fresh.scenario.digest, select, NAMES, groups=GROUPS, parameters=parameters)
    plan, envelope = fresh.run(fresh.ask(query, (ParameterValue(name="year", value="2024"),)))
    rows = {
        row["key"][0]: row["values"][0] for row in json.loads(fresh.table(plan, envelope)["table"])["rows"]
    }
    for band in BANDS:
        held = [f for name in NAMES for f in figures(name) if f.band == band and f.year == 2024]
        assert rows[band] == to_base(len(held))


def test_the_coordinator_sees_no_number_and_no_key(fresh: District) -> None:
    plan, envelope = fresh.run(fresh.asked("SELECT sex, COUNT(*) AS n FROM {table} GROUP BY sex", "social"))
    release = TableRelease.read(envelope)
    said = json.dumps([message.body for message in fresh.relay.said("release", plan.sid.hex())])
    assert '"F"' not in said
    sealed = fresh.relay.attachments[release.sealed.sha256][0]
    vectors = [
        fresh.relay.attachments[m.attachments[0]][0] for m in fresh.relay.said("contribution", plan.sid.hex())
    ]
    assert all(b"\0" * 64 not in data for data in (sealed, *vectors))
    # A masked vector has the same length whatever is in it.
    assert {len(vector) for vector in vectors} == {8 * (plan.lanes or 0)}


def test_small_cells_are_withheld_and_counted_and_a_dictionary_hides_which(fresh: District) -> None:
    groups = [("F",), ("M",), ("nobody",)]
    answer = opened(fresh, "SELECT sex, COUNT(DISTINCT person) AS n FROM {table} GROUP BY sex", groups=groups)
    rows = {row["key"][0]: row for row in answer["json"]["rows"]}
    assert rows["nobody"]["values"] == [None]
    assert rows["nobody"]["marks"] == ["suppressed"]
    assert answer["report"]["withheld_cells"] >= 1
    assert rows["F"]["values"][0] is not None


def test_tightened_limits_hold(tmp_path: Path) -> None:
    limits = (TightenedLimit(name="count_base", value="50"), TightenedLimit(name="persons", value="100"))
    district = found(tmp_path, queries=QueryTerms(free=True, limits=limits))
    answer = opened(
        district, "SELECT band, COUNT(DISTINCT person) AS n FROM {table} GROUP BY band", groups=GROUPS
    )
    assert all(row["values"][0] is None or row["values"][0] % 50 == 0 for row in answer["json"]["rows"])
    assert answer["report"]["limits"]["persons"] == 100


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("select", "code"),
    [
        ("SELECT * FROM {table}", "raw_export"),
        ("SELECT person, COUNT(*) AS n FROM {table} GROUP BY person", "query_refused"),
        ("SELECT band, MIN(spent) AS m FROM {table} GROUP BY band", "query_refused"),
        ("SELECT band, COUNT(*) AS n FROM other GROUP BY band", "query_refused"),
    ],
)
def test_a_statement_outside_the_class_is_refused_by_every_enclave(
    shared: District, select: str, code: str
) -> None:
    plan, body = shared.plan(shared.asked(select, groups=GROUPS))
    shared.start(plan, body)
    assert shared.refusals(plan) == [code] * len(NAMES)


def test_a_plan_with_other_lanes_is_refused(shared: District) -> None:
    job = shared.asked(BY_BAND, groups=GROUPS)
    plan, body = shared.plan(job, lanes=7)
    shared.start(plan, body)
    assert shared.refusals(plan) == ["query_mismatch"] * len(NAMES)


def test_two_domains_are_refused_without_the_flag(shared: District) -> None:
    plan, body = shared.plan(shared.asked(BY_BAND, "hospital", "social", groups=GROUPS))
    shared.start(plan, body)
    assert shared.refusals(plan) == ["domains_too_few"] * 2


# --- the human check ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reviewers", "finding"),
    [(("examiner",), Finding.APPROVE), ((), Finding.APPROVE), (("examiner", "hospital"), Finding.REJECT)],
)
def test_a_first_table_is_not_handed_over_without_two_approvals(
    tmp_path: Path, reviewers: tuple[str, ...], finding: Finding
) -> None:
    district = found(tmp_path)
    plan, body = district.plan(district.asked(BY_BAND, groups=GROUPS))
    district.start(plan, body)
    district.relay_bundles(plan)
    district.relay_transcripts(plan)
    district.open(plan, body)
    assert district.refusals(plan) == []
    from policies.documents import envelope as dsse

    release = dsse.from_json(district.relay.said("release", plan.sid.hex())[-1].body["document"])
    assert TableRelease.read(release).review
    reviews = district.review(release, *reviewers, finding=finding) if reviewers else []
    district.outcome(plan, reviews=reviews)
    assert district.relay.said("handover", plan.sid.hex()) == []
    # Two organizations approve: now it leaves.
    if finding is Finding.APPROVE:
        district.outcome(plan)
        assert len(district.relay.said("handover", plan.sid.hex())) == 1


def test_after_the_first_table_others_of_the_authorization_need_no_review(shared: District) -> None:
    opened(shared, BY_BAND, groups=GROUPS)
    _, envelope = shared.run(shared.asked(BY_BAND, groups=GROUPS))
    assert not TableRelease.read(envelope).review


# --- the history ----------------------------------------------------------------------------------------------------


def test_what_subtraction_would_isolate_is_withheld_by_the_domain_that_remembers(tmp_path: Path) -> None:
    """The hospital's persons by sex; then the same without three persons: the difference would be those three."""
    district = found(tmp_path, ("hospital",))
    by_sex = "SELECT sex, SUM(visits) AS v FROM {table} GROUP BY sex"
    first = opened(district, by_sex)
    assert all(row["values"][0] is not None for row in first["json"]["rows"])
    # A new snapshot: three persons are gone, nothing else has changed.
    gone = {f.person for f in figures("hospital") if f.sex == "F"}
    three = sorted(gone)[:3]
    publish(
        district.domains["hospital"].store,
        "hospital",
        [f for f in figures("hospital") if f.person not in three],
    )
    again = opened(district, by_sex)
    assert "F" not in {row["key"][0] for row in again["json"]["rows"]}
    assert "M" in {row["key"][0] for row in again["json"]["rows"]}


def test_the_same_question_again_costs_nothing_and_answers_the_same(shared: District) -> None:
    before = shared.domains["hospital"].house.lineages.asked()
    one, other = (opened(shared, BY_BAND, groups=GROUPS)["table"] for _ in range(2))
    assert one == other
    after = shared.domains["hospital"].house.lineages.asked()
    assert len(after) - len(before) == 4  # two jobs, two accounts: each is listed for the department
    house = shared.domains["hospital"].house
    names = {answer.question for answer in after}
    assert len(names) < len(after)
    assert house.lineages.load("partner") == house.lineages.load("partner")


def test_a_history_that_lost_a_piece_answers_nothing(tmp_path: Path) -> None:
    district = found(tmp_path, ("hospital",))
    opened(district, "SELECT sex, SUM(visits) AS v FROM {table} GROUP BY sex")
    district.domains["hospital"].house.durable.run("DELETE FROM lineage_pieces WHERE piece = 2")
    plan, body = district.plan(district.asked("SELECT band, COUNT(*) AS n FROM {table} GROUP BY band"))
    district.start(plan, body)
    district.relay_bundles(plan)
    district.relay_transcripts(plan)
    assert district.refusals(plan) == ["lineage_unreadable"]
