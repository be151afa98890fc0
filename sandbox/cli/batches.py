"""`domicile score batch` and `score subjects`: scores for many consents, resumable, told as it goes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from policies.documents.authorization import Mode
from sandbox.cli.acting import acting_as
from sandbox.cli.jobs import score
from sandbox.cli.output import MODE, Answer, Language, PartyFolder, answers, show_object
from sandbox.client.batch.order import AHEAD, MAX_AHEAD, SLICE
from sandbox.client.batch.steps import BatchStep, Happened
from sandbox.client.errors import InputMalformed
from sandbox.client.insurer import Insurer
from sandbox.client.submission import MAX_JOB_SUBJECTS

_INTERRUPTED = {
    Language.ZH: "已中断：再次执行同一命令即可从中断处继续",
    Language.EN: "interrupted: the same command goes on from here",
}
_STOPPED = {
    Language.ZH: "切片 {number} 未能评分；已写出的行仍可使用，问题解决后再次执行同一命令即可继续",
    Language.EN: "slice {number} was not scored; the rows written stay usable, the same command goes on once this is mended",
}


@score.command("batch")
@answers
def batch(
    authorization: Annotated[str, typer.Option(help="Digest of the authorization.")],
    subjects: Annotated[
        Path, typer.Option(help="File with one consent id a line.", exists=True, dir_okay=False)
    ],
    out: Annotated[
        Path,
        typer.Option(help="CSV file that rows are appended to; its journal lies beside it.", dir_okay=False),
    ],
    party: PartyFolder,
    slice_size: Annotated[
        int, typer.Option("--slice", min=1, max=MAX_JOB_SUBJECTS, help="Subjects in a job.")
    ] = SLICE,
    ahead: Annotated[int, typer.Option(min=1, max=MAX_AHEAD, help="Jobs under way at most.")] = AHEAD,
    mode: Annotated[Mode, typer.Option(help="Protection of the partial scores.")] = Mode.MASKED,
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="Ask anew for a page asked for over 23 hours ago; it may be billed twice."
        ),
    ] = False,
) -> Answer:
    """Score every consent of a file, in slices; interrupted anywhere, the same command goes on and pays for nothing twice."""
    MODE.one_line = True
    insurer = acting_as(Insurer, party)
    steps = insurer.score_batch(
        authorization, subjects, out, slice_size=slice_size, ahead=ahead, mode=mode, again=again
    )
    last = None
    with _telling() as told:
        try:
            for step in steps:
                told(step)
                last = step
        except KeyboardInterrupt:
            typer.echo(_INTERRUPTED[MODE.language], err=True)
            raise
    if last is None:
        raise InputMalformed("expected a batch with at least one step")
    totals = last.totals
    return Answer(
        last.to_json() | {"file": str(out)},
        [
            f"scored: {totals.scored}",
            f"refused: {totals.refused}",
            f"written to {out}",
        ],
    )


@score.command("subjects")
@answers
def subjects(
    authorization: Annotated[str, typer.Option(help="Digest of the authorization.")],
    out: Annotated[Path, typer.Option(help="File for one consent id a line.", dir_okay=False)],
    party: PartyFolder,
) -> Answer:
    """Write the ids of all consents in force for this insurer under the authorization's scenario, for `score batch`."""
    insurer = acting_as(Insurer, party)
    count, beside = 0, out.with_name(f".{out.name}.{uuid4().hex}")
    try:
        with beside.open("w", encoding="ascii") as file:
            for consent in insurer.consents_in_force(authorization):
                file.write(f"{consent}\n")
                count += 1
            file.flush()
            os.fsync(file.fileno())
        beside.replace(out)
    finally:
        beside.unlink(missing_ok=True)
    return Answer({"consents": count, "file": str(out)}, [f"{count} consents", f"written to {out}"])


@contextmanager
def _telling() -> Iterator[Callable[[BatchStep], None]]:
    """How each step is told: JSON lines with `--json`, a bar on a terminal, else only what stopped the batch."""
    if MODE.as_json:
        yield _tell_json
    elif sys.stderr.isatty():
        with _bar() as told:
            yield told
    else:
        yield _tell_stop


def _tell_json(step: BatchStep) -> None:
    # The last step is the command's answer, which is told when it ends.
    if step.happened is not Happened.DONE:
        show_object(step.to_json())
        sys.stdout.flush()


def _tell_stop(step: BatchStep) -> None:
    if step.happened is Happened.STOPPED:
        typer.echo(_STOPPED[MODE.language].format(number=step.slice), err=True)


@contextmanager
def _bar() -> Iterator[Callable[[BatchStep], None]]:
    """Slices, subjects, subjects a second and the time that is left."""
    columns = (
        TextColumn("{task.fields[slices]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.fields[state]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None, slices="", rate="", state="")

        def told(step: BatchStep) -> None:
            totals = step.totals
            if step.happened in {Happened.BEGUN, Happened.RESUMED}:
                # What earlier runs wrote is no speed of this one.
                bar.reset(task, total=totals.subjects, completed=totals.written)
            speed = bar.tasks[0].finished_speed or bar.tasks[0].speed
            bar.update(
                task,
                completed=totals.written,
                slices=f"{totals.slices_done}/{totals.slices}",
                rate=f"{speed:,.0f}/s" if speed else "",
                state=step.state or step.happened.value,
            )
            if step.happened is Happened.STOPPED:
                bar.console.print(_STOPPED[MODE.language].format(number=step.slice), highlight=False)

        yield told
