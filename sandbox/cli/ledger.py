"""`domicile ledger`, `domicile usage` and `domicile invoice`: what was done, and what it cost."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Final

import typer

from policies.documents.strict_json import Json, quoted
from policies.log.entry import instant
from sandbox.cli.acting import acting
from sandbox.cli.output import Answer, PartyFolder, answers
from sandbox.client.auditor import Ledger, verify_offline
from sandbox.client.errors import InputMalformed
from sandbox.log.verify import Report

ledger = typer.Typer(no_args_is_help=True, help="Export, prove and verify the evidence log.")
Period = Annotated[str, typer.Argument(help="Month, YYYY-MM.")]
_PIN: Final = re.compile("[0-9a-f]{64}")
_MONTH: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)


@ledger.command("export")
@answers
def export(
    file: Annotated[Path, typer.Argument(help="Where to write the export.")], party: PartyFolder
) -> Answer:
    """Write the whole log with its cosigned checkpoint to a file, and verify it."""
    return _verified(_ledger(party).export(file), file)


@ledger.command("verify")
@answers
def verify(
    file: Annotated[Path, typer.Argument(help="An export.", exists=True, dir_okay=False)],
    trust_root: Annotated[Path, typer.Option(help="The trust-root file.", exists=True, dir_okay=False)],
    pin: Annotated[str, typer.Option(help="SHA-256 of the trust root, from a source you trust.")],
) -> Answer:
    """Verify an export offline: nothing is asked of anybody."""
    if not _PIN.fullmatch(pin):
        raise InputMalformed(f"expected a pin of 64 lower-case hex digits, got {quoted(pin)}")
    return _verified(verify_offline(file, trust_root.read_bytes(), pin), file)


@ledger.command("prove")
@answers
def prove(
    index: Annotated[int, typer.Argument(min=0, help="Index of the entry.")], party: PartyFolder
) -> Answer:
    """Show an entry, proven to stand in a checkpoint that a quorum of witnesses cosigned."""
    proven = _ledger(party).prove(index)
    entry: Json = json.loads(proven.entry.to_bytes())
    checkpoint = proven.checkpoint
    value: dict[str, Json] = {
        "index": index,
        "entry": entry,
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "cosigned_by": [*sorted(checkpoint.cosigned_at)],
    }
    return Answer(
        value,
        [
            json.dumps(entry, ensure_ascii=False),
            f"entry {index} stands under root {checkpoint.root.hex()} of {checkpoint.size} entries",
            f"cosigned by {', '.join(sorted(checkpoint.cosigned_at))}",
        ],
    )


@answers
def usage(period: Period, party: PartyFolder) -> Answer:
    """Show metered usage of a month; a recipient sees its own."""
    value = acting(party).endpoint.usage(check_month(period))
    return Answer(value, [json.dumps(value, ensure_ascii=False, indent=1)])


@answers
def invoice(
    period: Period,
    party: PartyFolder,
    recipient: Annotated[str | None, typer.Option(help="Whose; default one's own.")] = None,
) -> Answer:
    """Show a recipient's rated invoice of a month."""
    member = acting(party)
    value = member.endpoint.invoice(recipient or member.party, check_month(period))
    return Answer(value, [json.dumps(value, ensure_ascii=False, indent=1)])


def check_month(period: str) -> str:
    """`period` if it is a month; raises InputMalformed."""
    if not _MONTH.fullmatch(period):
        raise InputMalformed(f"expected a month as YYYY-MM, got {quoted(period)}")
    return period


def _ledger(party: Path) -> Ledger:
    member = acting(party)
    if not isinstance(member, Ledger):
        raise InputMalformed(
            f"expected an auditor, the agency, the operator or a department, got `{member.entry.role}`"
        )
    return member


def _verified(report: Report, file: Path) -> Answer:
    cosigned: dict[str, Json] = {name: instant(at) for name, at in sorted(report.cosigned_at.items())}
    return Answer(
        {
            "file": str(file),
            "origin": report.origin,
            "size": report.size,
            "root": report.root,
            "cosigned_at": cosigned,
        },
        [
            f"verified: {report.size} entries of {report.origin}",
            f"root {report.root}",
            *(f"cosigned by {name} at {at}" for name, at in cosigned.items()),
        ],
    )
