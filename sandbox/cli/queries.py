"""`domicile query`: the partner submits a question; a job asks it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from policies.documents.query import Query
from policies.documents.strict_json import Json, parse_object
from sandbox.cli.acting import acting_as
from sandbox.cli.output import Answer, PartyFolder, answers
from sandbox.client.partner import Partner

query = typer.Typer(no_args_is_help=True, help="Submit a query, to be asked by aggregate jobs.")


@query.command("submit")
@answers
def submit(
    file: Annotated[
        Path,
        typer.Argument(
            help="The query (JSON); members with defaults may be left out.", exists=True, dir_okay=False
        ),
    ],
    party: PartyFolder,
) -> Answer:
    """Sign a query as its partner and submit it: one governed statement for each department asked."""
    read = Query.from_body(parse_object(file.read_bytes()))
    digest = acting_as(Partner, party).submit_query(read)
    departments: list[Json] = list(read.departments)
    return Answer(
        {"query": digest, "departments": departments},
        [f"query {digest}", f"asked of {', '.join(read.departments)}"],
    )
