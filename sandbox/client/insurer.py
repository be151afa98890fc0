"""The insurer: fetches sealed scores, proves each to itself, opens them, keeps the receipt.

A delivered score counts only if, in this order:

1. the authorization is signed by everybody its scenario names, and names this party and its sealing key;
2. the release is signed by the pinned gate, for this authorization, its model, this recipient and this sealing key;
3. the job that the release answers lists this consent at this slot (the coordinator cannot pass off another person's);
4. the sealed bytes stand at that slot of the tree whose root the gate signed (RFC 9162);
5. they open under the release's run, recipient and expiry, to a band of the model.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Final

from enclaves.errors import EnclaveError
from enclaves.protocols.sealing import EMPTY_BAND, ScoreBinding, SlotOpener
from enclaves.transport.channel import now_utc
from enclaves.transport.endpoint import Endpoint, Fetched, FetchedSlot, FetchRefused, Problem
from enclaves.transport.jobs import CONSENTS_PER_FETCH
from enclaves.transport.party import PartyKeys
from policies.authorization import check_signed
from policies.documents.authorization import Mode
from policies.documents.consent import CONSENT_ID_BYTES
from policies.documents.envelope import Envelope
from policies.documents.fields import instant
from policies.documents.job import Delivery, Job, Receipt, Release
from policies.documents.trust import Role
from policies.errors import PolicyError
from policies.log.errors import LogInvalid
from policies.log.merkle import check_inclusion, leaf_hash
from sandbox.client.batch.order import AHEAD, SLICE, BatchOrder
from sandbox.client.batch.scoring import score_batch
from sandbox.client.batch.steps import BatchStep
from sandbox.client.errors import ReceiptRefused, ReleaseRefused
from sandbox.client.receipts import RECEIPTS, ReceiptBook
from sandbox.client.tables import TableRecipient

__all__ = ["RECEIPTS", "Insurer", "Score", "Scores"]

MAX_SUBJECT_BYTES: Final = 32 * 1024 * 1024
"""How much of the subject lists of verified releases is held: two jobs of the largest size."""


@dataclass(frozen=True, slots=True)
class Score:
    """One person's band, 0 … `bands`-1, under a consent."""

    consent: str
    band: int
    bands: int
    release: str
    slot: int
    expires_at: str


@dataclass(frozen=True, slots=True)
class Scores:
    """What one fetch brought: scores and refusals in the order asked for, and the receipts."""

    results: tuple[Score | FetchRefused, ...]
    receipts: tuple[Receipt, ...]
    denied: Problem | None = None
    """Of one page: the policy's reason against all of it."""

    @property
    def scores(self) -> tuple[Score, ...]:
        return tuple(result for result in self.results if isinstance(result, Score))

    @property
    def refused(self) -> tuple[FetchRefused, ...]:
        return tuple(result for result in self.results if isinstance(result, FetchRefused))


@dataclass(frozen=True, slots=True)
class _OpenRelease:
    """A verified release with what its slots are checked against and opened with."""

    release: Release
    digest: str
    subjects: bytes
    opener: SlotOpener

    @property
    def slots(self) -> int:
        return len(self.subjects) // CONSENT_ID_BYTES


class Insurer(TableRecipient):
    """A recipient of scores and tables."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.INSURER})

    def __init__(
        self,
        endpoint: Endpoint,
        keys: PartyKeys,
        *,
        receipts: ReceiptBook | None = None,
        clock: Callable[[], datetime] = now_utc,
    ) -> None:
        super().__init__(endpoint, keys, receipts=receipts, clock=clock)
        self._releases: dict[str, _OpenRelease] = {}

    def fetch(self, authorization: str, consents: Sequence[str]) -> Scores:
        """Scores for consent ids (hex) under an authorization (digest); raises ReleaseRefused for one that lies.

        With exactly one consent a refusal is raised as `Refused` with the reason.
        """
        results: list[Score | FetchRefused] = []
        receipts: list[Receipt] = []
        for start in range(0, len(consents), CONSENTS_PER_FETCH):
            page = consents[start : start + CONSENTS_PER_FETCH]
            scores = self.fetch_page(authorization, page)
            results += scores.results
            receipts += scores.receipts
        return Scores(tuple(results), tuple(receipts))

    def fetch_one(self, authorization: str, consent: str) -> Score:
        """One person's score; raises `Refused` with the reason if there is none to have."""
        (result,) = self.fetch(authorization, (consent,)).results
        if not isinstance(result, Score):
            raise ReleaseRefused(f"expected a score or a reason, got {result.code}")
        return result

    def score_batch(
        self,
        authorization: str,
        subjects: Path,
        out: Path,
        *,
        slice_size: int = SLICE,
        ahead: int = AHEAD,
        mode: Mode = Mode.MASKED,
        again: bool = False,
    ) -> Iterator[BatchStep]:
        """Score every consent id of the file `subjects`, one a line, and append a row for each to the CSV file `out`.

        The steps are told as they happen and the work goes on as they are taken. Whatever interrupts it, the same call goes
        on where the journal beside `out` ends; nobody is scored or paid for twice. Errors: `sandbox.client.batch.scoring`.
        """
        order = BatchOrder(
            authorization, subjects, out, slice_size=slice_size, ahead=ahead, mode=mode, again=again
        )
        return score_batch(self, order)

    def consents_in_force(self, authorization: str) -> Iterator[str]:
        """Ids of the consents that stand for this party under the authorization's scenario, as the coordinator knows them."""
        scenario = self.checked_authorization(authorization).scenario
        for consent in self.endpoint.consents(scenario, self.party):
            if consent.state == "granted":
                yield consent.id

    def fetch_page(
        self, authorization: str, consents: Sequence[str], *, idempotency_key: str | None = None
    ) -> Scores:
        """Scores for at most 1000 consents by one request, told apart by `idempotency_key` where it may be sent again.

        With exactly one consent a refusal is raised as `Refused`. Raises ReleaseRefused as `fetch` does.
        """
        approved = self.checked_authorization(authorization)
        fetched = self.endpoint.fetch_scores(
            authorization, consents, scenario=approved.scenario, idempotency_key=idempotency_key
        )
        if [result.consent for result in fetched.results] != list(consents):
            raise ReleaseRefused("expected an answer for each consent in order, got another")
        results = tuple(
            result if isinstance(result, FetchRefused) else self._score(authorization, result, fetched)
            for result in fetched.results
        )
        return Scores(results, self._keep_receipt(authorization, fetched), fetched.denied)

    def _score(self, authorization: str, found: FetchedSlot, fetched: Fetched) -> Score:
        opened = self._release(authorization, found.release, fetched.releases)
        # 3. The slot is this consent's.
        at = found.slot * CONSENT_ID_BYTES
        if not 0 <= found.slot < opened.slots or (
            opened.subjects[at : at + CONSENT_ID_BYTES].hex() != found.consent
        ):
            raise ReleaseRefused("expected the slot of the consent asked for, got another")
        try:
            # 4. The gate signed these bytes at this slot.
            check_inclusion(
                leaf_hash(found.sealed),
                found.slot,
                size=opened.slots,
                path=found.proof,
                root=bytes.fromhex(opened.release.sealed.root),
            )
            # 5. They open for this recipient, and to a band.
            band = opened.opener.open_slot(found.sealed, slot=found.slot)
        except (LogInvalid, EnclaveError) as error:
            raise ReleaseRefused(f"slot {found.slot}: {error}") from None
        if band == EMPTY_BAND or band >= opened.release.bands:
            raise ReleaseRefused("expected a band of the model, got another value")
        return Score(
            consent=found.consent,
            band=band,
            bands=opened.release.bands,
            release=opened.digest,
            slot=found.slot,
            expires_at=opened.release.sealed.expires_at,
        )

    def _release(self, authorization: str, digest: str, releases: Mapping[str, Envelope]) -> _OpenRelease:
        """Step 2; once for each release."""
        if digest not in self._releases:
            envelope = releases.get(digest)
            if envelope is None or envelope.digest != digest:
                raise ReleaseRefused("expected the release that a slot names, got none")
            opened = self._check_release(authorization, envelope)
            self._make_room(len(opened.subjects))
            self._releases[digest] = opened
        opened = self._releases[digest]
        if opened.release.authorization != authorization:
            raise ReleaseRefused("expected a release of the authorization asked for, got another's")
        return opened

    def _make_room(self, size: int) -> None:
        """Let the oldest verified releases go while subjects of `size` bytes more would be too many to hold."""
        held = sum(len(release.subjects) for release in self._releases.values())
        for digest in [*self._releases]:
            if held + size <= MAX_SUBJECT_BYTES:
                return
            held -= len(self._releases.pop(digest).subjects)

    def _check_release(self, authorization: str, envelope: Envelope) -> _OpenRelease:
        try:
            release = Release.read(envelope)
            check_signed(envelope, release, self.trust)
        except PolicyError as error:
            raise ReleaseRefused(f"release: {error}") from None
        approved = self.checked_authorization(authorization)
        said = (release.authorization, release.model, release.recipient, release.recipient_sealing_key)
        if said != (authorization, approved.model, self.party, self.sealing_digest()):
            raise ReleaseRefused(
                "expected a release for this authorization, model and recipient, got another"
            )
        binding = ScoreBinding(
            run=bytes.fromhex(release.run),
            recipient=release.recipient,
            expires_at=int(instant(release.sealed.expires_at).timestamp()),
        )
        try:
            opener = SlotOpener(self.sealing(), base64.b64decode(release.sealed.wrap), binding=binding)
        except EnclaveError as error:
            raise ReleaseRefused(f"release: {error}") from None
        return _OpenRelease(release, envelope.digest, self._subjects(release.job), opener)

    def _subjects(self, job: str) -> bytes:
        """The job's ordered consent ids, as its submitter signed them."""
        subjects = self.document(Job, job).listed_subjects
        data = self.endpoint.get_attachment(subjects.sha256)
        if len(data) != subjects.count * CONSENT_ID_BYTES:
            raise ReleaseRefused("expected the subjects that the job counts, got others")
        return data

    def _keep_receipt(self, authorization: str, fetched: Fetched) -> tuple[Receipt, ...]:
        deliveries = [
            Delivery(release=result.release, slot=result.slot)
            for result in fetched.results
            if isinstance(result, FetchedSlot)
        ]
        if not deliveries:
            return ()
        if fetched.receipt is None:
            raise ReceiptRefused(f"expected a receipt of {len(deliveries)} delivered scores, got none")
        return (self.keep_receipt(fetched.receipt, authorization=authorization, deliveries=deliveries),)
