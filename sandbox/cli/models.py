"""`domicile model`: anybody tries one on a twin, the partner submits it, the examiner judges it.

`vet` reads rows, be they a twin's, and is therefore a command of the department's side (`enclaves.cli.vetting`), loaded
when it is called; the sandbox names it only here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from policies.documents.model import LinearPart, Model, OnnxPart, Part
from policies.documents.strict_json import Json, parse_object
from policies.documents.vetting import Check, Verdict
from sandbox.cli.acting import acting_as
from sandbox.cli.exits import DONE, REFUSED
from sandbox.cli.lazy import LazyCommand, Target
from sandbox.cli.output import MODE, Answer, Language, PartyFolder, answers
from sandbox.client.errors import InputMalformed
from sandbox.client.examiner import Examiner
from sandbox.client.partner import Partner

VET: Final = Target("enclaves.cli.vetting:vet", "Try a model against the checks V1 to V16 on a twin.")


class _ModelGroup(TyperGroup):
    """The commands of this module, and the one of the department's side."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands["vet"] = LazyCommand("vet", VET)


model = typer.Typer(cls=_ModelGroup, no_args_is_help=True, help="Try a model on a twin, submit it, judge it.")


@model.command("submit")
@answers
def submit(
    head: Annotated[Path, typer.Argument(help="The public head (JSON).", exists=True, dir_okay=False)],
    part: Annotated[
        list[Path], typer.Option(help="One domain's part (JSON); repeat.", exists=True, dir_okay=False)
    ],
    party: PartyFolder,
    graph: Annotated[list[str] | None, typer.Option(help="department=FILE.onnx; repeat.")] = None,
    hidden: Annotated[
        bool,
        typer.Option(
            "--hidden", help="For mode paillier: parts go to the examiner alone, no domain sees them."
        ),
    ] = False,
) -> Answer:
    """Submit a model: the head for everybody, each part sealed to its own domain and to the examiner."""
    parts = [_read_part(path) for path in part]
    graphs = dict(_read_graph(text) for text in graph or ())
    read = Model.from_body(parse_object(head.read_bytes()))
    digest = acting_as(Partner, party).seal_and_submit_model(read, parts, graphs, hidden=hidden)
    return Answer({"model": digest, "parts": [p.department for p in parts]}, [f"model {digest}"])


@model.command("encrypt")
@answers
def encrypt(
    digest: Annotated[str, typer.Argument(help="Digest of the model.")],
    party: PartyFolder,
    seconds: Annotated[float, typer.Option(help="How long to wait for the gate's key.", min=1)] = 60,
) -> Answer:
    """Encrypt a model's parts for mode paillier; prints what jobs and the authorization cite as `encryption`."""
    examiner = acting_as(Examiner, party)
    examiner.collect()
    encryption = examiner.encrypt(digest, seconds=seconds)
    lines = [f"key {encryption.key}", *(f"{item.department} {item.digest}" for item in encryption.weights)]
    return Answer({"model": digest, "encryption": encryption.model_dump(mode="json")}, lines)


@model.command("judge")
@answers
def judge(
    digest: Annotated[str, typer.Argument(help="Digest of the model.")],
    party: PartyFolder,
    job: Annotated[str | None, typer.Option(help="The vet job; default the latest.")] = None,
    accept_overrides: Annotated[
        bool, typer.Option("--accept-overrides", help="Vouch for checks that need the examiner's word.")
    ] = False,
) -> Answer:
    """Collect the sealed parts, judge the model from the domains' metrics and the band counts, sign the report."""
    examiner = acting_as(Examiner, party)
    examiner.collect()
    report = examiner.judge(digest, job=job, accept_overrides=accept_overrides)
    checks: list[Json] = [check.model_dump(mode="json") for check in report.checks]
    return Answer(
        {"report": report.digest, "verdict": report.verdict.value, "checks": checks},
        [f"{report.verdict.value}: report {report.digest}", *map(_check_line, report.checks)],
        status=REFUSED if report.verdict is Verdict.REJECT else DONE,
    )


def _check_line(check: Check) -> str:
    reason = check.reason.zh if MODE.language is Language.ZH else check.reason.en
    return f"  {check.check} {check.verdict.value}: {check.figure} (limit {check.limit}); {reason}"


def _read_part(path: Path) -> Part:
    body = parse_object(path.read_bytes())
    return (OnnxPart if body.get("form") == "onnx" else LinearPart).from_body(body)


def _read_graph(text: str) -> tuple[str, bytes]:
    department, separator, name = text.partition("=")
    path = Path(name)
    if not separator or not path.is_file():
        raise InputMalformed("expected department=FILE with a graph that exists, got other text")
    return department, path.read_bytes()
