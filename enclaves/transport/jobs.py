"""Requests about consents, jobs, scores, tables and what they cost (docs/protocol.md section 2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from enclaves.transport import answers
from enclaves.transport.channel import Channel
from enclaves.transport.documents import next_page
from enclaves.transport.errors import TransportError
from enclaves.transport.mailbox import MAX_WAIT_S
from enclaves.transport.problem import Problem
from policies.documents.envelope import Envelope
from policies.documents.strict_json import Json

CONSENTS_PER_PAGE: Final = 500
CONSENTS_PER_FETCH: Final = 1000


@dataclass(frozen=True, slots=True)
class ConsentItem:
    """What the coordinator learns of one consent: its id (32 hex), its expiry (Unix seconds), its commitment."""

    id: str
    expires_at: int
    commitment: str

    def to_json(self) -> dict[str, Json]:
        return {"id": self.id, "expires_at": self.expires_at, "commitment": self.commitment}


@dataclass(frozen=True, slots=True)
class ConsentState:
    """A consent as the coordinator knows it."""

    id: str
    state: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a job's progress."""

    at: str
    step: str


@dataclass(frozen=True, slots=True)
class JobStatus:
    """Where a job stands. `reason` is the refusal's problem document, or None; `releases` are digests."""

    job: str
    state: str
    attempt: int
    reason: Mapping[str, Json] | str | None
    progress: tuple[Step, ...]
    releases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FetchedSlot:
    """One sealed score: which slot of which release, and its inclusion proof."""

    consent: str
    release: str
    slot: int
    sealed: bytes
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class FetchRefused:
    """A consent for which nothing was delivered, and why."""

    consent: str
    code: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """The answer to a fetch, in the order asked for; nothing in it is verified yet."""

    results: tuple[FetchedSlot | FetchRefused, ...]
    releases: Mapping[str, Envelope]
    receipt: Envelope | None
    denied: Problem | None = None
    """Why nothing at all was delivered, where a policy and no single consent is the cause."""


@dataclass(frozen=True, slots=True)
class FetchedTable:
    """The answer to a fetch of a table: the gate's release, the sealed bytes, the receipt; nothing in it is verified yet."""

    release: Envelope
    sealed: bytes
    receipt: Envelope


class JobRequests(Channel):
    """Consents, jobs, scores, tables, usage."""

    def register_consents(self, consent: Envelope, items: Sequence[ConsentItem], *, scenario: str) -> int:
        """Register consents of one head, in pages; returns how many the coordinator registered."""
        registered = 0
        for start in range(0, len(items), CONSENTS_PER_PAGE):
            page: list[Json] = [item.to_json() for item in items[start : start + CONSENTS_PER_PAGE]]
            body: dict[str, Json] = {"consent": consent.to_json(), "items": page}
            registered += answers.integer(
                self.post_json("/v1/consents", body, scenario=scenario), "registered"
            )
        return registered

    def consents(self, scenario: str, recipient: str) -> Iterator[ConsentState]:
        """The consents of a scenario and recipient with their state, page by page."""
        after: str | int | None = None
        while True:
            params: dict[str, str | int] = {"scenario": scenario, "recipient": recipient}
            if after is not None:
                params["after"] = after
            answer = self.get_json("/v1/consents", params=params)
            for item in answers.objects(answer, "items"):
                yield ConsentState(
                    answers.text(item, "id"), answers.text(item, "state"), answers.integer(item, "expires_at")
                )
            after = next_page(answer)
            if after is None:
                return

    def submit_job(self, job: Envelope, *, scenario: str, subjects: str | None = None) -> JobStatus:
        """Submit a signed job; Refused with the reason, or accepted.

        The list of subjects is put already, or waits under the digest `subjects` to be enclosed (`enclose`).
        """
        body: dict[str, Json] = {"job": job.to_json()}
        waiting = self.outgoing.get(subjects or "")
        if waiting is not None:
            body["enclosed"] = [waiting.to_json()]
        answer = self.post_json("/v1/jobs", body, scenario=scenario)
        self.outgoing.pop(subjects or "", None)
        return JobStatus(answers.digest(answer, "job"), answers.text(answer, "state"), 0, None, (), ())

    def job(self, digest: str, *, wait: int = 0, steps: int = 0) -> JobStatus:
        """Where the job stands; waits up to `wait` (≤ 25) seconds for its end or for more than `steps` steps."""
        params: dict[str, str | int] = {"wait": min(wait, MAX_WAIT_S), "steps": steps} if wait else {}
        return _job_status(self.get_json(f"/v1/jobs/{answers.named(digest)}", params=params, wait=wait))

    def cancel_job(self, digest: str) -> str:
        """Cancel a job that has not ended; returns its state."""
        return answers.text(self.post_json(f"/v1/jobs/{answers.named(digest)}/cancel", {}), "state")

    def fetch_scores(
        self,
        authorization: str,
        consents: Sequence[str],
        *,
        scenario: str | None = None,
        idempotency_key: str | None = None,
    ) -> Fetched:
        """Sealed scores for 1 to 1000 consents. With exactly one, a refusal is raised as `Refused`.

        The same consents under the same `idempotency_key` get their first answer again for a day, and bill nothing more.
        """
        if not 1 <= len(consents) <= CONSENTS_PER_FETCH:
            raise TransportError(f"expected 1 to {CONSENTS_PER_FETCH} consents, got {len(consents)}")
        body: dict[str, Json] = {"authorization": authorization, "consents": list(consents)}
        answer = self.post_json("/v1/scores/fetch", body, scenario=scenario, idempotency_key=idempotency_key)
        denied = answer.get("denied")
        return Fetched(
            results=tuple(_fetched(item) for item in answers.objects(answer, "results")),
            releases={
                answers.check_sha256(digest): answers.envelope(value)
                for digest, value in answers.mapping(answer, "releases").items()
            },
            receipt=None if answer.get("receipt") is None else answers.envelope(answer["receipt"]),
            denied=Problem.from_json(denied) if isinstance(denied, dict) else None,
        )

    def fetch_table(self, authorization: str, release: str, *, scenario: str | None = None) -> FetchedTable:
        """The sealed table of a release (digest); a refusal is raised as `Refused` with the reason."""
        body: dict[str, Json] = {"authorization": authorization, "release": release}
        answer = self.post_json("/v1/tables/fetch", body, scenario=scenario)
        return FetchedTable(
            release=answers.envelope(answer.get("release")),
            sealed=answers.from_base64(answers.text(answer, "sealed")),
            receipt=answers.envelope(answer.get("receipt")),
        )

    def check_sql(
        self,
        department: str,
        sql: str,
        *,
        scenario: str | None = None,
        data_list: Mapping[str, Json] | None = None,
    ) -> dict[str, Json]:
        """The SQL gate's verdict on a statement, read against a scenario's list (by digest) or against `data_list`."""
        body: dict[str, Json] = {
            "data_list": None if data_list is None else dict(data_list),
            "scenario": scenario,
            "department": department,
            "sql": sql,
        }
        return self.post_json("/v1/sql/check", body, scenario=scenario)

    def usage(self, period: str) -> dict[str, Json]:
        """All usage events of a month (YYYY-MM) that this party may see, as `{"events": […]}`."""
        events: list[Json] = []
        after: str | int | None = 0
        while after is not None:
            answer = self.get_json("/v1/usage", params={"period": period, "after": after})
            events += answers.array(answer, "events")
            after = next_page(answer)
        return {"events": events}

    def invoice(self, recipient: str, period: str) -> dict[str, Json]:
        """The rated invoice of `recipient` for a month."""
        return self.get_json(f"/v1/invoices/{recipient}", params={"period": period})


def _job_status(answer: Mapping[str, Json]) -> JobStatus:
    reason = answer.get("reason")
    return JobStatus(
        job=answers.digest(answer, "job"),
        state=answers.text(answer, "state"),
        attempt=answers.integer(answer, "attempt"),
        reason=reason if isinstance(reason, (dict, str)) else None,
        progress=tuple(
            Step(answers.text(item, "at"), answers.text(item, "step"))
            for item in answers.objects(answer, "progress")
        ),
        releases=answers.digests(answer, "releases"),
    )


def _fetched(item: Mapping[str, Json]) -> FetchedSlot | FetchRefused:
    consent = answers.text(item, "consent")
    if answers.text(item, "status") != "sealed":
        return FetchRefused(consent, answers.text(item, "code"))
    return FetchedSlot(
        consent=consent,
        release=answers.digest(item, "release"),
        slot=answers.integer(item, "slot"),
        sealed=answers.from_base64(answers.text(item, "sealed")),
        proof=tuple(answers.hashes(item, "proof")),
    )
