"""`domicile scenario`: from a draft to a scenario signed by all, and to a stop by any one."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from policies.documents.authorization import (
    ConsentBasis,
    DatasetCitation,
    Limits,
    ListedColumn,
    Mode,
    PreAssessment,
    Purpose,
    PurposeClass,
    Scenario,
)
from policies.documents.dataset import Dataset, Use
from policies.documents.document import Term
from policies.documents.fields import Bilingual, instant_text
from policies.documents.halts import SuspensionTarget
from policies.documents.trust import Role
from sandbox.cli.acting import acting
from sandbox.cli.documents import Digest, read_body, shown, signed, submitted
from sandbox.cli.output import Answer, PartyFolder, answers
from sandbox.client.errors import InputMalformed
from sandbox.client.member import Member

scenario = typer.Typer(no_args_is_help=True, help="Draft, submit, sign, suspend and show scenarios.")


@scenario.command("draft")
@answers
def draft(
    file: Annotated[Path, typer.Argument(help="Where to write the draft (JSON).")],
    party: PartyFolder,
    scenario_id: Annotated[str, typer.Option("--id", help="Id of the scenario.")],
    purpose: Annotated[str, typer.Option(help="Code of the purpose; jobs repeat it.")],
    title_zh: Annotated[str, typer.Option(help="Title in Chinese.")],
    title_en: Annotated[str, typer.Option(help="Title in English.")],
    feature: Annotated[list[str], typer.Option(help="department/dataset/column; may be repeated.")],
    recipient: Annotated[list[str], typer.Option(help="Who may receive scores; may be repeated.")],
    overall: Annotated[str, typer.Option(help="Digest of the overall authorization.")],
    assessment: Annotated[Path, typer.Option(help="The pre-assessment report.", exists=True, dir_okay=False)],
    assessor: Annotated[str, typer.Option(help="Who made the pre-assessment.")],
    price_class: Annotated[str, typer.Option(help="Price class.")],
    days: Annotated[int, typer.Option(min=1, max=3660, help="Term in days.")] = 365,
    mode: Annotated[list[Mode] | None, typer.Option(help="Protection mode; default masked and bfv.")] = None,
) -> Answer:
    """Draft a scenario from the catalogue: one purpose, one data list. Nothing is signed or sent."""
    member = acting(party)
    now = member.clock()
    listed = _lines(feature, member.catalog())
    title = Bilingual(zh=title_zh, en=title_en)
    body = Scenario(
        id=scenario_id,
        version=1,
        title=title,
        purpose=Purpose(code=purpose, text=title, purpose_class=PurposeClass.COMMERCIAL),
        partner=member.party,
        recipients=tuple(recipient),
        datasets=_citations(listed),
        data_list=tuple(line for lines in listed.values() for line in lines),
        modes=tuple(mode) if mode else (Mode.MASKED, Mode.BFV),
        consent=ConsentBasis(service=_consent_service(member)),
        limits=Limits(vet_jobs=10, score_jobs=1000, fetches=1_000_000),
        price_class=price_class,
        pre_assessment=PreAssessment(
            assessor=assessor,
            assessed_at=instant_text(now),
            report=hashlib.sha256(assessment.read_bytes()).hexdigest(),
        ),
        overall=overall,
        term=Term(not_before=instant_text(now), not_after=instant_text(now + timedelta(days=days))),
    )
    file.write_text(json.dumps(body.to_body(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    departments = ", ".join(body.departments)
    return Answer(
        {"file": str(file), "digest": body.digest, "departments": list(body.departments)},
        [f"draft written to {file}", f"to be signed by {departments}, agency, operator and partner"],
    )


@scenario.command("submit")
@answers
def submit(
    file: Annotated[Path, typer.Argument(help="The draft (JSON).", exists=True, dir_okay=False)],
    party: PartyFolder,
) -> Answer:
    """Sign a scenario as its partner and submit it."""
    return submitted(acting(party), read_body(Scenario.kind, file))


@scenario.command("sign")
@answers
def sign(
    digest: Digest,
    party: PartyFolder,
    yes: Annotated[bool, typer.Option("--yes", help="Sign without asking.")] = False,
) -> Answer:
    """Show a scenario and sign it with this party's key if you agree."""
    return signed(acting(party), digest, yes=yes)


@scenario.command("show")
@answers
def show_scenario(digest: Digest, party: PartyFolder) -> Answer:
    """Show a scenario and who signed it."""
    member = acting(party)
    read, envelope = member.review(digest)
    if not isinstance(read, Scenario):
        raise InputMalformed(f"expected a scenario, got `{read.kind}`")
    return shown(member, read, envelope)


@scenario.command("suspend")
@answers
def suspend(
    digest: Digest,
    party: PartyFolder,
    reason_zh: Annotated[str, typer.Option(help="Reason in Chinese.")],
    reason_en: Annotated[str, typer.Option(help="Reason in English.")],
) -> Answer:
    """Stop a scenario or authorization at once; any signing party may, alone. Resuming needs new documents."""
    member = acting(party)
    read, _ = member.review(digest)
    kinds = {kind.value: kind for kind in SuspensionTarget}
    if read.kind not in kinds:
        raise InputMalformed(f"expected a scenario, an authorization or the overall one, got `{read.kind}`")
    posted = member.suspend(kinds[read.kind], Bilingual(zh=reason_zh, en=reason_en), digest=digest)
    return Answer({"suspension": posted.digest, "index": posted.index}, [f"suspended by {posted.digest}"])


Listed = dict[tuple[str, str, str], list[ListedColumn]]


def _lines(features: list[str], catalog: list[tuple[str, Dataset]]) -> Listed:
    """Lines of the data list by (department, data set, digest): the person column and the features asked for."""
    newest = {(d.owner, d.id): (digest, d) for digest, d in sorted(catalog, key=lambda item: item[1].version)}
    listed: Listed = {}
    for text in features:
        owner, _, rest = text.partition("/")
        dataset_id, _, column = rest.partition("/")
        digest, dataset = newest.get((owner, dataset_id), ("", None))
        if dataset is None or dataset.column(column) is None or dataset.person_column is None:
            raise InputMalformed(f"expected department/dataset/column of the catalogue, got `{text[:200]}`")
        lines = listed.setdefault((owner, dataset_id, digest), [])
        if not lines:
            lines.append(_line(dataset, dataset.person_column, Use.PERSON))
        lines.append(_line(dataset, column, Use.FEATURE))
    return listed


def _citations(listed: Listed) -> tuple[DatasetCitation, ...]:
    return tuple(
        DatasetCitation(department=owner, dataset=dataset, digest=digest) for owner, dataset, digest in listed
    )


def _line(dataset: Dataset, column: str, use: Use) -> ListedColumn:
    return ListedColumn(department=dataset.owner, dataset=dataset.id, column=column, use=use)


def _consent_service(member: Member) -> str:
    services = [entry.id for entry in member.trust.parties if entry.role is Role.CONSENT_SERVICE]
    if len(services) != 1:
        raise InputMalformed(f"expected one consent service in the trust root, got {len(services)}")
    return services[0]
