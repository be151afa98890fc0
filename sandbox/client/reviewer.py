"""The reviewer: reads a copy of a table before it leaves and says approve or reject, with a reason (L8).

A copy is sealed to the examiner or to a department's enclave, so it is opened where that key lies; the word is the
examiner's or the department's. For a department these are two folders on its own premises: the enclave's to look, the
department's to sign.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from enclaves.transport.endpoint import Posted
from enclaves.transport.problem import NotFound
from enclaves.transport.sealed_mail import table_review_info
from policies.authorization import check_signed
from policies.documents.fields import Bilingual
from policies.documents.job import TableRelease
from policies.documents.review import Finding, OutputReview
from policies.documents.trust import Role
from policies.reviewing import reviewers_of
from sandbox.client.errors import InputMalformed
from sandbox.client.member import Member, fresh_id
from sandbox.client.recipient import sealing_of
from sandbox.client.tables import OpenedTable, checked_release, open_table

UNDER_REVIEW: Final = "review"
"""The state of a job whose table waits for reviewers."""


@dataclass(frozen=True, slots=True)
class Output:
    """A table that was released under review: its release, where its job stands, who reviewed it so far."""

    digest: str
    release: TableRelease
    state: str
    reviews: tuple[OutputReview, ...]

    @property
    def waits(self) -> bool:
        """Whether reviewers are waited for."""
        return self.state == UNDER_REVIEW


class Reviewer(Member):
    """The examiner, a department, or for opening its copy a department's enclave."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.EXAMINER, Role.DEPARTMENT, Role.ENCLAVE})

    def outputs(self) -> list[Output]:
        """Every release that asked for review and that this party or its organization may review, oldest first."""
        reviews = [self._said(line.digest) for line in self.endpoint.documents(OutputReview.kind)]
        found = []
        for line in self.endpoint.documents(TableRelease.kind):
            release = checked_release(self.endpoint.get_document(line.digest), line.digest, self.trust)
            if not release.review or not self._concerns(release):
                continue
            said = tuple(review for review in reviews if review.release == line.digest)
            found.append(Output(line.digest, release, self._state(release, line.digest), said))
        return found

    def copy(self, release: str) -> OpenedTable:
        """This party's copy of the table of a release (digest), proven and opened."""
        document = checked_release(self.endpoint.get_document(release), release, self.trust)
        copy = next((copy for copy in document.reviewers if copy.reviewer == self.party), None)
        if copy is None:
            raise InputMalformed(f"expected a copy sealed to `{self.party}`, got none in this release")
        sealed = self.endpoint.get_attachment(copy.sha256)
        info = table_review_info(document.run, self.party)
        return open_table(sealed, document, copy.sha256, key=sealing_of(self.keys), info=info)

    def post_review(self, release: str, finding: Finding, reason: Bilingual) -> Posted:
        """Sign and post this party's word about a release (digest); a refusal says why it does not count."""
        checked_release(self.endpoint.get_document(release), release, self.trust)
        return self.submit_document(
            OutputReview(
                id=fresh_id("review"),
                reviewer=self.party,
                release=release,
                finding=finding,
                reason=reason,
                reviewed_at=self.now_text(),
            )
        )

    def _said(self, digest: str) -> OutputReview:
        """A review with its reviewer's signature checked."""
        envelope = self.endpoint.get_document(digest)
        review = OutputReview.read(envelope)
        check_signed(envelope, review, self.trust)
        return review

    def _concerns(self, release: TableRelease) -> bool:
        return {self.party, self.entry.owner} & set(reviewers_of(release, self.trust)) != set()

    def _state(self, release: TableRelease, digest: str) -> str:
        """The state of the job, or `superseded` for a release of an earlier attempt."""
        try:
            status = self.endpoint.job(release.job)
        except NotFound:
            return "unknown"
        waits = status.state == UNDER_REVIEW and digest not in status.releases
        return "superseded" if waits else status.state
