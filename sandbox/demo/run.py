"""Runs the demo and tells its outcome, to a person or as one JSON object.

The JSON has: `persons` distinct people in the stores, `scored` sealed scores delivered, `bands` people by band,
`top_band_lift` mean actual spending of the top band over that of all scored, `modes_equal` whether both modes gave the same
band to everybody, `refused` attempts with their codes, `invoice`, `ledger`, `seconds`, `peak_memory_mb`.
"""

from __future__ import annotations

import json
import shutil
import signal
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from enclaves.isolation.memory import MemoryWatch
from policies.documents.authorization import Mode
from policies.documents.strict_json import Json
from sandbox.client.auditor import verify_offline
from sandbox.client.insurer import Score
from sandbox.demo import story
from sandbox.demo.cast import Cast
from sandbox.demo.narrator import Narrator
from sandbox.demo.processes import Processes, ended_like_ctrl_c
from sandbox.demo.rand import write_sources
from sandbox.demo.refusals import Refusal, Stand, attempt_all
from sandbox.demo.worth import Worth, assess
from sandbox.founding import FoundedDistrict


@dataclass(frozen=True, slots=True)
class Invoice:
    """The insurer's invoice of the month: scores delivered and what they cost."""

    units: int
    amount: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the demo came to."""

    persons: int
    scores: list[Score]
    modes_equal: bool
    worth: Worth
    refused: list[Refusal]
    invoice: Invoice
    ledger_size: int
    seconds: float
    peak_memory_mb: float

    def to_json(self) -> dict[str, Json | float]:
        return {
            "persons": self.persons,
            "scored": len(self.scores),
            "bands": dict(story.bands_of(self.scores)),
            "top_band_lift": round(self.worth.top_band_lift, 3),
            "modes_equal": self.modes_equal,
            "refused": [{"attempt": r.attempt, "code": r.code} for r in self.refused],
            "invoice": {"units": self.invoice.units, "amount": self.invoice.amount},
            "ledger": {"size": self.ledger_size, "verified": True},
            "seconds": round(self.seconds, 1),
            "peak_memory_mb": round(self.peak_memory_mb, 1),
        }


def run(*, as_json: bool = False, serve: bool = False, keep: Path | None = None) -> None:
    """Run the demo in a folder of its own (`keep`, or a temporary one); with `serve` leave everything running."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        console.width = 120
    narrator = Narrator(console)
    directory = keep or Path(tempfile.mkdtemp(prefix="domicile-demo-"))
    try:
        with ended_like_ctrl_c(), Processes(directory / "logs") as processes:
            with MemoryWatch() as memory:
                outcome, district = _play(narrator, processes, directory, memory, suspend=not serve)
            _tell(narrator, outcome)
            if as_json:
                print(json.dumps(outcome.to_json(), ensure_ascii=False))
            if serve:
                _leave_running(narrator, district)
    finally:
        if keep is None:
            shutil.rmtree(directory, ignore_errors=True)


def _play(
    narrator: Narrator, processes: Processes, directory: Path, memory: MemoryWatch, *, suspend: bool
) -> tuple[Outcome, FoundedDistrict]:
    with narrator.step(
        "准备真实数据（兰德医疗保险实验）", "real data: RAND Health Insurance Experiment, split by owner"
    ):
        sources = write_sources(directory / "sources")
        narrator.result(f"{sources.persons} people; resident IDs are invented (area 999999 does not exist)")
    with narrator.step(
        "各方生成密钥，签署信任根", "every party draws its keys; agency and operator sign the trust root"
    ):
        district = story.found(directory / "district")
    with narrator.step("各部门登记并加密入库", "each department loads its own encrypted store"):
        declared = story.register_data(processes, district, sources)
    with narrator.step(
        "启动协调服务、三个数据域与出口网关", "start coordinator, three enclaves and the gate"
    ):
        story.start(processes, district)
        cast = Cast.of(district)
    with narrator.step("签署协议、价格备案与场景", "sign agreement, price filing and scenarios"):
        agreements = story.agree(cast, declared)
    with narrator.step("居民授权", "residents consent; who they are is sealed to the enclaves"):
        consents = story.gather_consents(cast, agreements, sources)
        narrator.result(f"{len(consents.ids)} of {len(sources.applicants)} applicants consented")
    with narrator.step("模型查验与场景授权", "the model is vetted inside the domains and authorized by all"):
        approved = story.approve(cast, agreements, consents, sources)
        story.tell_vetting(narrator, approved.report)
    with narrator.step("安全聚合评分", "score by secure aggregation; the insurer fetches"):
        scores = story.score(cast, approved, consents, Mode.MASKED)
        narrator.result(f"{len(scores)} sealed scores, each proven against the gate's signed release")
    with narrator.step("同态加密评分", "the same by homomorphic encryption (BFV)"):
        again = story.score(cast, approved, consents, Mode.BFV)
        modes_equal = {s.consent: s.band for s in scores} == {s.consent: s.band for s in again}
        narrator.result("every band is the same" if modes_equal else "the bands differ")
    with narrator.step("尝试越界", "try what must be refused"):
        refused = attempt_all(Stand(cast, district, agreements, approved, consents), suspend=suspend)
    with narrator.step("账单与存证核验", "invoice, and the log verified offline by the auditor"):
        invoice = _invoice(cast)
        size = _verified_size(cast, district)
    by_consent = {consent: person for person, consent in consents.by_person.items()}
    worth = assess(scores, by_consent, sources.next_year)
    outcome = Outcome(
        persons=sources.persons,
        scores=scores,
        modes_equal=modes_equal,
        worth=worth,
        refused=refused,
        invoice=invoice,
        ledger_size=size,
        seconds=narrator.seconds,
        peak_memory_mb=memory.peak_mb,
    )
    return outcome, district


def _invoice(cast: Cast) -> Invoice:
    body = cast.operator.invoice("insurer", cast.operator.now_text()[:7])
    lines = body["lines"]
    if not isinstance(lines, list):
        raise story.StoryBroken("expected an invoice with lines, got none")
    return Invoice(units=sum(_units(line) for line in lines), amount=str(body["total"]))


def _units(line: Json) -> int:
    units = line.get("units") if isinstance(line, dict) else None
    if not isinstance(units, int):
        raise story.StoryBroken("expected units on every invoice line, got none")
    return units


def _verified_size(cast: Cast, district: FoundedDistrict) -> int:
    """The auditor's own check of the exported log: root, log signature, witness quorum, canonical entries."""
    export = district.directory / "log.jsonl"
    cast.auditor.export(export)
    trust_root = (district.directory / "trust-root.json").read_bytes()
    return verify_offline(export, trust_root, district.pin).size


def _tell(narrator: Narrator, outcome: Outcome) -> None:
    narrator.heading("被拒绝的", "what was refused")
    narrator.table(
        ["", "code", "原因"],
        [[f"{r.zh} · {r.attempt}", f"[red]{r.code}[/]", _short(r.reason)] for r in outcome.refused],
    )
    narrator.heading("有什么用", "what it was good for: actual spending in the following year, by band")
    widest = max(band.mean_spending for band in outcome.worth.bands)
    narrator.table(
        ["band", "people", "mean spending", ""],
        [
            [
                str(b.band),
                str(b.persons),
                f"${b.mean_spending:,.0f}",
                "█" * max(1, round(40 * b.mean_spending / widest)),
            ]
            for b in outcome.worth.bands
        ],
    )
    console = narrator.console
    console.print(
        f"\nlift of the top band: [bold]{outcome.worth.top_band_lift:.2f}[/] × the mean of all scored"
    )
    console.print(f"invoice: {outcome.invoice.units} scores delivered, CNY {outcome.invoice.amount}")
    console.print(f"evidence log: {outcome.ledger_size} entries, verified offline")
    console.print(
        f"{outcome.seconds:.1f} s, peak memory {outcome.peak_memory_mb:.0f} MB (PSS of all processes)"
    )


def _short(text: str) -> str:
    """One line's worth of a reason; the whole of it stands in the answer it came from."""
    return text if len(text) <= 60 else f"{text[:59]}…"


def _leave_running(narrator: Narrator, district: FoundedDistrict) -> None:
    console = narrator.console
    console.print(
        f"\n[bold]running[/] at {district.url}; credentials of the demo's parties (example keys, worth nothing):"
    )
    for party in district.trust.parties:
        console.print(f"  {party.role:<16} --as {district.folder(party.id)}")
    console.print("for example: domicile catalog --as DIR; stop with Ctrl-C")
    with suppress(KeyboardInterrupt):
        while True:
            signal.pause()
