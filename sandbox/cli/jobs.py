"""`domicile job`, `domicile score` and `domicile release`: from a submitted job to a fetched score."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from enclaves.transport.endpoint import JobStatus, Problem
from policies.authorization import check_signed
from policies.documents.authorization import Mode
from policies.documents.job import Release, TableRelease
from policies.documents.strict_json import Json
from sandbox.cli.acting import acting, acting_as
from sandbox.cli.documents import Digest, shown
from sandbox.cli.exits import DONE, REFUSED
from sandbox.cli.output import MODE, Answer, PartyFolder, answers, problem_lines
from sandbox.client.errors import InputMalformed
from sandbox.client.insurer import Insurer, Score
from sandbox.client.member import Member
from sandbox.client.submission import Submitter

job = typer.Typer(no_args_is_help=True, help="Submit jobs, follow them, see why one was refused.")
score = typer.Typer(no_args_is_help=True, help="Fetch scores.")
release = typer.Typer(no_args_is_help=True, help="Show what left through the gate.")
JobDigest = Annotated[str, typer.Argument(help="Digest of the job.")]


@job.command("submit")
@answers
def submit(
    scenario: Annotated[str, typer.Option(help="Digest of the scenario.")],
    party: PartyFolder,
    model: Annotated[str | None, typer.Option(help="Digest of the model of a score or vet job.")] = None,
    consents: Annotated[
        Path | None,
        typer.Option(
            help="File with one consent id a line, in slot order; with --model.", exists=True, dir_okay=False
        ),
    ] = None,
    query: Annotated[str | None, typer.Option(help="Digest of the query of an aggregate job.")] = None,
    parameter: Annotated[
        list[str] | None, typer.Option(help="name=value for a parameter of the query; may be repeated.")
    ] = None,
    authorization: Annotated[
        str | None, typer.Option(help="Its digest; with a model and without one it is a vet job.")
    ] = None,
    recipient: Annotated[str | None, typer.Option(help="Who receives; for a vet job the examiner.")] = None,
    mode: Annotated[Mode, typer.Option(help="Protection of the partial scores.")] = Mode.MASKED,
    purpose: Annotated[str | None, typer.Option(help="Purpose code; default the scenario's.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the job has ended.")] = False,
) -> Answer:
    """Submit a score, vet or aggregate job; a refusal says why and the smallest change that would pass."""
    if (model is None) == (query is None):
        raise InputMalformed("expected either --model or --query, got both or none")
    submitter = _submitter(party)
    receiver = recipient or _recipient(submitter, vet=query is None and authorization is None)
    if query is not None:
        if authorization is None or consents is not None or mode is not Mode.MASKED:
            raise InputMalformed(
                "expected --authorization, and neither --consents nor another mode than masked, with --query"
            )
        status = submitter.submit_aggregate_job(
            scenario,
            authorization=authorization,
            query=query,
            parameters=read_parameters(parameter or ()),
            recipient=receiver,
            purpose=purpose,
        )
    else:
        if consents is None or parameter:
            raise InputMalformed("expected --consents, and no --parameter, with --model")
        status = submitter.submit_job(
            scenario,
            model=str(model),
            consents=read_ids(consents),
            recipient=receiver,
            authorization=authorization,
            mode=mode,
            purpose=purpose,
        )
    if wait:
        with progress_bar() as told:
            status = submitter.wait(status.job, told)
    return _job_answer(status)


@job.command("status")
@answers
def show_status(digest: JobDigest, party: PartyFolder) -> Answer:
    """Where a job stands."""
    return _job_answer(acting(party).endpoint.job(digest), follow=False)


@job.command("explain")
@answers
def explain(digest: JobDigest, party: PartyFolder) -> Answer:
    """Why a job was refused or failed: the policy, the place, the smallest change; of a query every reason against it."""
    status = acting(party).endpoint.job(digest)
    reason = _problem(status)
    value = _job_value(status)
    if reason is None:
        return Answer(value, [f"{status.state}: nothing was refused"])
    return Answer(value, problem_lines(reason, heading=status.state))


@job.command("cancel")
@answers
def cancel(digest: JobDigest, party: PartyFolder) -> Answer:
    """Cancel a job that has not ended."""
    state = acting(party).endpoint.cancel_job(digest)
    return Answer({"job": digest, "state": state}, [state])


@score.command("fetch")
@answers
def fetch(
    authorization: Annotated[str, typer.Option(help="Digest of the authorization.")],
    party: PartyFolder,
    consent: Annotated[list[str] | None, typer.Option(help="A consent id; may be repeated.")] = None,
    consents: Annotated[
        Path | None, typer.Option(help="File with one consent id a line.", exists=True, dir_okay=False)
    ] = None,
) -> Answer:
    """Fetch scores, prove each to yourself, open it, keep the receipt."""
    ids = [*(consent or ()), *(read_ids(consents) if consents else ())]
    if not ids:
        raise InputMalformed("expected at least one consent, got none")
    fetched = acting_as(Insurer, party).fetch(authorization, ids)
    results: list[Json] = [
        {"consent": r.consent, "band": r.band, "bands": r.bands, "release": r.release, "slot": r.slot}
        if isinstance(r, Score)
        else {"consent": r.consent, "refused": r.code}
        for r in fetched.results
    ]
    lines = [
        f"{r.consent}  band {r.band + 1} of {r.bands}" if isinstance(r, Score) else f"{r.consent}  {r.code}"
        for r in fetched.results
    ]
    receipts: list[Json] = [receipt.to_body() for receipt in fetched.receipts]
    paid = [f"receipt: {r.units} × {r.unit_price} {r.currency}" for r in fetched.receipts]
    return Answer({"results": results, "receipts": receipts}, [*lines, *paid])


@release.command("show")
@answers
def show_release(digest: Digest, party: PartyFolder) -> Answer:
    """Show a release: what left through the gate in one run, its signature checked."""
    member = acting(party)
    read, envelope = member.review(digest)
    if not isinstance(read, (Release, TableRelease)):
        raise InputMalformed(f"expected a release, got `{read.kind}`")
    check_signed(envelope, read, member.trust)
    return shown(member, read, envelope)


def read_ids(path: Path) -> list[str]:
    """Consent ids, one a line; blank lines are skipped."""
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def read_parameters(texts: Sequence[str]) -> dict[str, str]:
    """Values from name=value, each name once."""
    values: dict[str, str] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name or name in values:
            raise InputMalformed("expected each parameter once as name=value, got other text")
        values[name] = value
    return values


@contextmanager
def progress_bar() -> Iterator[Callable[[JobStatus], None] | None]:
    """A line that follows a job on a terminal; nothing where nobody looks."""
    if MODE.as_json or not sys.stderr.isatty():
        yield None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("submitted")

        def told(status: JobStatus) -> None:
            step = status.progress[-1].step if status.progress else status.state
            bar.update(task, description=f"{status.state}: {step}")

        yield told


def _submitter(party: Path) -> Submitter:
    member = acting(party)
    if not isinstance(member, Submitter):
        raise InputMalformed(f"expected a partner or an insurer, got `{member.entry.role}`")
    return member


def _recipient(member: Member, *, vet: bool) -> str:
    if vet:
        return next(entry.id for entry in member.trust.parties if entry.role == "examiner")
    if isinstance(member, Insurer):
        return member.party
    raise InputMalformed("expected --recipient, got none")


def _job_answer(status: JobStatus, *, follow: bool = True) -> Answer:
    """A refused job ends the command that submitted it with 3; asking for its state succeeds."""
    reason = _problem(status)
    lines = [f"job {status.job}", status.state, *(f"release {digest}" for digest in status.releases)]
    if reason is not None:
        lines += problem_lines(reason)
    return Answer(_job_value(status), lines, status=REFUSED if follow and reason is not None else DONE)


def _job_value(status: JobStatus) -> dict[str, Json]:
    steps: list[Json] = [{"at": step.at, "step": step.step} for step in status.progress]
    reason = status.reason if isinstance(status.reason, str) or status.reason is None else dict(status.reason)
    return {
        "job": status.job,
        "state": status.state,
        "attempt": status.attempt,
        "reason": reason,
        "progress": steps,
        "releases": list(status.releases),
    }


def _problem(status: JobStatus) -> Problem | None:
    match status.reason:
        case None:
            return None
        case str(code):
            return Problem(code, 403, detail=code)
        case reason:
            return Problem.from_json(reason)
