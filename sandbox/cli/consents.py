"""`domicile consent`: grant, withdraw and list, at the consent service."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from policies.documents.strict_json import Json
from sandbox.cli.acting import acting_as
from sandbox.cli.output import Answer, PartyFolder, answers
from sandbox.client.consent_service import ConsentService, parse_persons
from sandbox.client.errors import InputMalformed

consent = typer.Typer(no_args_is_help=True, help="Grant, withdraw and list consents.")


@consent.command("grant")
@answers
def grant(
    scenario: Annotated[str, typer.Argument(help="Digest of the scenario.")],
    recipient: Annotated[str, typer.Argument(help="Who may receive the scores.")],
    persons: Annotated[
        Path, typer.Option(help="File with one resident number a line.", exists=True, dir_okay=False)
    ],
    party: PartyFolder,
    expires: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day (UTC); default a year from now.")
    ] = None,
) -> Answer:
    """Record consents, tell the enclaves under seal, register the ids. A consent in force keeps its id."""
    service = acting_as(ConsentService, party)
    until = (
        expires.replace(tzinfo=UTC) + timedelta(days=1) if expires else service.clock() + timedelta(days=365)
    )
    named = parse_persons(persons.read_text(encoding="utf-8").splitlines())
    if not named:
        raise InputMalformed("expected at least one person, got none")
    ids = service.grant(scenario, recipient, named, until)
    return Answer({"granted": len(ids), "ids": list(ids)}, [*ids])


@consent.command("withdraw")
@answers
def withdraw(
    ids: Annotated[list[str], typer.Argument(help="Consent ids, 32 hex digits each.")], party: PartyFolder
) -> Answer:
    """Withdraw consents: the next job and the next fetch are refused."""
    count = acting_as(ConsentService, party).withdraw(ids)
    return Answer({"withdrawn": count}, [f"withdrawn: {count}"])


@consent.command("list")
@answers
def list_consents(
    recipient: Annotated[str, typer.Argument(help="The recipient of the scores.")],
    party: PartyFolder,
    scenario: Annotated[str | None, typer.Option(help="Digest of a scenario.")] = None,
    hand_over: Annotated[
        Path | None, typer.Option(help="Write person, id and expiry as CSV, for the recipient alone.")
    ] = None,
) -> Answer:
    """List consents in force for a recipient by id; persons are written to a file only, never to the screen."""
    handed = acting_as(ConsentService, party).ids_for(recipient, scenario=scenario)
    if hand_over is not None:
        hand_over.touch(mode=0o600)
        with hand_over.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(("person", "consent", "expires_at"))
            rows.writerows((item.person.text, item.id, item.expires_at) for item in handed)
    items: list[Json] = [{"id": item.id, "expires_at": item.expires_at} for item in handed]
    return Answer({"items": items}, [item.id for item in handed])
