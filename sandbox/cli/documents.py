"""`domicile document` and `domicile catalog`: see, submit and sign what the district agrees on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from policies.documents.dataset import Dataset
from policies.documents.document import Document
from policies.documents.envelope import Envelope
from policies.documents.kinds import KINDS
from policies.documents.strict_json import Json, parse_object
from sandbox.cli.acting import acting
from sandbox.cli.output import MODE, Answer, PartyFolder, answers
from sandbox.client.errors import InputMalformed
from sandbox.client.member import Member, read_any

document = typer.Typer(no_args_is_help=True, help="Show, submit and sign documents.")
Digest = Annotated[str, typer.Argument(help="SHA-256 of the document, 64 hex digits.")]


@document.command("show")
@answers
def show_document(digest: Digest, party: PartyFolder) -> Answer:
    """Show a document and who of the trust root signed it."""
    with_member = acting(party)
    read, envelope = with_member.review(digest)
    return shown(with_member, read, envelope)


@document.command("submit")
@answers
def submit(
    kind: Annotated[str, typer.Argument(help="Kind of document, e.g. authorization.")],
    file: Annotated[
        Path, typer.Argument(help="JSON body; members with defaults may be left out.", exists=True)
    ],
    party: PartyFolder,
) -> Answer:
    """Sign a document with this party's key and submit it; others then sign it by digest."""
    return submitted(acting(party), read_body(kind, file))


@document.command("list")
@answers
def list_documents(
    kind: Annotated[str, typer.Argument(help="Kind of document, e.g. scenario.")], party: PartyFolder
) -> Answer:
    """List the documents of a kind."""
    found = list(acting(party).documents(kind))
    items: list[Json] = [
        {"digest": line.digest, "kind": line.kind, "id": line.id, "signers": list(line.signers)}
        for line in found
    ]
    return Answer(
        {"items": items}, [f"{line.digest}  {line.id}  signed by {', '.join(line.signers)}" for line in found]
    )


@document.command("sign")
@answers
def sign(
    digest: Digest,
    party: PartyFolder,
    yes: Annotated[bool, typer.Option("--yes", help="Sign without asking.")] = False,
) -> Answer:
    """Fetch a document, show it, sign it with this party's key if you agree."""
    return signed(acting(party), digest, yes=yes)


@answers
def catalog(party: PartyFolder) -> Answer:
    """List the data sets of the district with columns, grades and uses: metadata, never rows."""
    found = acting(party).catalog()
    items: list[Json] = [{"digest": digest, **dataset.to_body()} for digest, dataset in found]
    return Answer({"items": items}, [line for digest, dataset in found for line in _dataset(digest, dataset)])


def read_body(kind: str, file: Path) -> Document:
    """A document from a file with its JSON body; raises InputMalformed for an unknown kind."""
    if kind not in KINDS:
        raise InputMalformed(f"expected a kind of {', '.join(sorted(KINDS))}, got `{kind[:63]}`")
    return KINDS[kind].from_body(parse_object(file.read_bytes()))


def submitted(member: Member, read: Document) -> Answer:
    """Submit and say whose signatures stand on it now."""
    posted = member.submit_document(read)
    value: dict[str, Json] = {
        "digest": posted.digest,
        "kind": read.kind,
        "signers": list(posted.signers),
        "index": posted.index,
    }
    return Answer(value, [f"{read.kind} {posted.digest}", f"signed by {', '.join(posted.signers)}"])


def signed(member: Member, digest: str, *, yes: bool) -> Answer:
    """Show, ask, sign; with `yes` or JSON output nobody is asked, so JSON needs `yes`."""
    if MODE.as_json and not yes:
        raise InputMalformed("expected --yes with --json: nobody can be asked")

    def approve(read: Document) -> bool:
        if yes:
            return True
        typer.echo(json.dumps(read.to_body(), ensure_ascii=False, indent=1))
        return typer.confirm(f"sign this {read.kind} as {member.party}?")

    posted = member.sign(digest, approve=approve)
    if posted is None:
        return Answer({"digest": digest, "signed": False}, ["not signed"])
    return Answer(
        {"digest": digest, "signed": True, "signers": list(posted.signers)},
        [f"signed {digest}", f"signed by {', '.join(posted.signers)}"],
    )


def shown(member: Member, read: Document, envelope: Envelope) -> Answer:
    """A document with the parties whose signatures verify."""
    by_key = {entry.key.keyid: entry.id for entry in member.trust.parties}
    signers = sorted(by_key[keyid] for keyid in envelope.signers(entry.key for entry in member.trust.parties))
    value: dict[str, Json] = {
        "digest": envelope.digest,
        "kind": envelope.kind,
        "signers": list(signers),
        "body": read_any(envelope).to_body(),
    }
    body = json.dumps(read.to_body(), ensure_ascii=False, indent=1)
    return Answer(value, [f"{envelope.kind} {envelope.digest}", f"signed by {', '.join(signers)}", body])


def _dataset(digest: str, dataset: Dataset) -> list[str]:
    head = (
        f"{dataset.owner}/{dataset.id} v{dataset.version}  {dataset.name.zh} / {dataset.name.en}  "
        f"{dataset.volume.persons} persons, {dataset.volume.rows} rows, {dataset.sync_frequency}  {digest}"
    )
    columns = [
        f"  {column.name}: {column.type}, {column.grade}{', sensitive' if column.sensitive else ''}; "
        f"{', '.join(column.uses)}"
        for column in dataset.columns
    ]
    return [head, *columns]
