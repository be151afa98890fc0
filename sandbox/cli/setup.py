"""`domicile init` and `domicile party`: a district on one machine, or one party's keys on its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from policies.documents import envelope as dsse
from policies.documents.fields import Bilingual
from policies.documents.trust import PartyDocument, Role
from policies.keys import IdentityKey
from sandbox.cli.output import Answer, answers
from sandbox.client.errors import InputMalformed
from sandbox.founding import Founder, create
from sandbox.founding.found import DEPARTMENTS, INSURERS, PARTNERS, draw_keys, party_document, write_private

party = typer.Typer(no_args_is_help=True, help="Draw a party's keys, show a party.")


@answers
def init(
    directory: Annotated[Path, typer.Argument(help="Empty or new folder for the district.")],
    name_zh: Annotated[str, typer.Option(help="The district's name in Chinese.")] = "示范区",
    name_en: Annotated[str, typer.Option(help="The district's name in English.")] = "Demonstration district",
    department: Annotated[
        list[str] | None, typer.Option(help="A department's id; may be repeated. Each gets an enclave.")
    ] = None,
    partner: Annotated[list[str] | None, typer.Option(help="A partner's id; may be repeated.")] = None,
    insurer: Annotated[list[str] | None, typer.Option(help="An insurer's id; may be repeated.")] = None,
    host: Annotated[str, typer.Option(help="Where the coordinator listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Its port.")] = 8300,
    tls: Annotated[bool, typer.Option("--tls", help="Mutual TLS 1.3 under a private CA.")] = False,
) -> Answer:
    """Found a district on this machine: keys, trust root and settings of every party, ready to run."""
    founded = create(
        directory,
        name=Bilingual(zh=name_zh, en=name_en),
        departments=_founders(department, Role.DEPARTMENT) or DEPARTMENTS,
        partners=_founders(partner, Role.PARTNER) or PARTNERS,
        insurers=_founders(insurer, Role.INSURER) or INSURERS,
        host=host,
        base_port=port,
        tls=tls,
    )
    processes = {name: ["domicile", *argv] for name, argv in founded.processes().items()}
    return Answer(
        {
            "directory": str(directory),
            "pin": founded.pin,
            "url": founded.url,
            "parties": [entry.id for entry in founded.trust.parties],
            "processes": {name: list(argv) for name, argv in processes.items()},
        },
        [
            f"district founded in {directory}",
            f"pin of the trust root: {founded.pin}",
            f"coordinator: {founded.url}",
            "start each in a terminal of its own:",
            *(f"  {' '.join(argv)}" for argv in processes.values()),
        ],
    )


@party.command("keygen")
@answers
def keygen(
    directory: Annotated[Path, typer.Argument(help="New folder for the party's keys.")],
    party_id: Annotated[str, typer.Option("--id", help="The party's id.")],
    role: Annotated[Role, typer.Option(help="What the party does.")],
    name_zh: Annotated[str, typer.Option(help="Its name in Chinese.")],
    name_en: Annotated[str, typer.Option(help="Its name in English.")],
    owner: Annotated[str | None, typer.Option(help="For a process or officer: the organization.")] = None,
) -> Answer:
    """Draw a party's keys on its own machine and write the signed party document for the trust root."""
    founder = Founder(party_id, role, name_zh, name_en, owner)
    keys = draw_keys(sealing=founder.seals)
    envelope = party_document(founder, keys)
    directory.mkdir(parents=True, exist_ok=True)
    try:
        write_private(directory / "keys.json", keys.to_json())
    except FileExistsError:
        raise InputMalformed("expected a folder without keys, got one that has keys already") from None
    (directory / "party.json").write_bytes(envelope.to_bytes())
    return _shown(PartyDocument.read(envelope), envelope.digest)


@party.command("show")
@answers
def show_party(
    directory: Annotated[Path, typer.Argument(help="Folder with the party's party.json.", exists=True)],
) -> Answer:
    """Show a party's document and the fingerprint to compare by voice or on paper."""
    try:
        envelope = dsse.parse((directory / "party.json").read_bytes())
    except FileNotFoundError:
        raise InputMalformed("expected a folder with party.json, got none") from None
    document = PartyDocument.read(envelope)
    envelope.check_signed_by(IdentityKey.from_base64(document.identity_key))
    return _shown(document, envelope.digest)


def _shown(document: PartyDocument, digest: str) -> Answer:
    fingerprint = IdentityKey.from_base64(document.identity_key).keyid
    value = document.to_body() | {"fingerprint": fingerprint, "digest": digest}
    lines = [
        f"{document.id} ({document.role}): {document.name.zh} / {document.name.en}",
        f"fingerprint: {' '.join(fingerprint[i : i + 4] for i in range(0, 64, 4))}",
        f"document: {digest}",
        f"sealing key: {'yes' if document.sealing_key else 'no'}",
    ]
    return Answer(value, lines)


def _founders(ids: list[str] | None, role: Role) -> tuple[Founder, ...]:
    return tuple(Founder(party_id, role, party_id, party_id) for party_id in ids or ())
