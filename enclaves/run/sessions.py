"""Which runs this process has begun, and how far: written before every answer, so that nothing is ever answered twice.

Rules:
1. A run id is begun once; beginning it again is refused, whatever became of the first time (attack A6).
2. A stage is left only for one that the table of the process allows. Writing comes before sending.
3. After a restart, keys of a run are gone; what was in progress is marked `lost` and never continued.

Source: protocols.md section 2.3 ("Binding"), docs/protocol.md section 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from enclaves.run.durable import Durable
from enclaves.run.errors import RunRefused

LOST: Final = "lost"
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS sessions (
    sid BLOB PRIMARY KEY, job TEXT NOT NULL, attempt INTEGER NOT NULL, ground TEXT NOT NULL,
    stage TEXT NOT NULL, created INTEGER NOT NULL
) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class Session:
    """One begun run; `ground` is the digest of the authorization or, for a vet job, of the scenario."""

    sid: bytes
    job: str
    attempt: int
    ground: str
    stage: str


class Sessions:
    """The session table; `transitions` maps a stage to those that may follow it."""

    def __init__(self, durable: Durable, transitions: Mapping[str, frozenset[str]]) -> None:
        self._durable = durable
        self._transitions = transitions
        durable.define(_TABLE, "CREATE INDEX IF NOT EXISTS sessions_ground ON sessions (ground, stage)")

    def begin(self, session: Session, *, now: int) -> None:
        """Remember a new run. Raises RunRefused(`run_repeated`) for a known id."""
        with self._durable.transaction():
            if self.find(session.sid) is not None:
                raise RunRefused("run_repeated", "expected a new run, got one that was begun before")
            self._durable.run(
                "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?)",
                (session.sid, session.job, session.attempt, session.ground, session.stage, now),
            )

    def move(self, sid: bytes, stage: str) -> None:
        """Enter `stage`, durably. Raises RunRefused(`run_out_of_order`) if it does not follow the present one."""
        with self._durable.transaction():
            session = self.find(sid)
            if session is None or stage not in self._transitions[session.stage]:
                at = "none" if session is None else session.stage
                raise RunRefused(
                    "run_out_of_order", f"expected a run that may become {stage}, got stage {at}"
                )
            self._durable.run("UPDATE sessions SET stage = ? WHERE sid = ?", (stage, sid))

    def find(self, sid: bytes) -> Session | None:
        found = self._select("sid = ?", sid)
        return found[0] if found else None

    def of_job(self, job: str) -> list[Session]:
        return self._select("job = ?", job)

    def in_stage(self, stage: str) -> list[Session]:
        return self._select("stage = ?", stage)

    def lose(self, stages: Iterable[str]) -> list[Session]:
        """Mark every run in `stages` as lost and return them; called once, at start."""
        lost: list[Session] = []
        with self._durable.transaction():
            for stage in stages:
                lost += self._select("stage = ?", stage)
                self._durable.run("UPDATE sessions SET stage = ? WHERE stage = ?", (LOST, stage))
        return lost

    def jobs_in(self, stages: Iterable[str], *, ground: str, but: str) -> int:
        """How many jobs other than `but` have a run under `ground` in one of `stages`."""
        wanted = set(stages)
        return len({s.job for s in self._select("ground = ?", ground) if s.stage in wanted and s.job != but})

    def _select(self, condition: str, value: bytes | str) -> list[Session]:
        rows = self._durable.rows(
            f"SELECT sid, job, attempt, ground, stage FROM sessions WHERE {condition}",  # noqa: S608 - constant text
            (value,),
        )
        return [Session(*row) for row in rows]
