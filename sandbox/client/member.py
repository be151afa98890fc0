"""What every party can do: read and write documents, sign, see the catalogue, stop what it signed.

Signing is done here and nowhere else: the document is fetched by digest, read strictly in its kind, shown to whoever
decides, and only then signed with the party's own key, which never leaves this process.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Self, TypeVar

from enclaves.transport.channel import now_utc
from enclaves.transport.endpoint import DocumentLine, Endpoint, Posted
from enclaves.transport.party import PartyConfig, PartyKeys
from policies.documents.dataset import Dataset
from policies.documents.document import Document
from policies.documents.envelope import Envelope
from policies.documents.fields import Bilingual, instant_text
from policies.documents.halts import (
    HaltedDocument,
    Revocation,
    RevocationTarget,
    Suspension,
    SuspensionTarget,
)
from policies.documents.kinds import KINDS
from policies.documents.trust import PartyEntry, Role, TrustRoot
from sandbox.client.errors import InputMalformed

AnyDocument = TypeVar("AnyDocument", bound=Document)
_PER_REVOCATION = 500


class Member:
    """A party of the district with its keys and its line to the coordinator."""

    roles: ClassVar[frozenset[Role]] = frozenset(Role)

    def __init__(
        self, endpoint: Endpoint, keys: PartyKeys, *, clock: Callable[[], datetime] = now_utc
    ) -> None:
        """Raises InputMalformed if the trust root gives the party another role than this class is for."""
        self.endpoint, self.keys, self.clock = endpoint, keys, clock
        role = self.entry.role
        if role not in self.roles:
            raise InputMalformed(
                f"expected a party with the role {' or '.join(sorted(self.roles))}, got {role}"
            )

    @classmethod
    def open(cls, directory: Path) -> Self:
        """The party whose folder (client.toml, keys.json) is `directory`."""
        config = PartyConfig.load(directory / "client.toml")
        keys = PartyKeys.load(config.keys)
        return cls(config.endpoint(keys), keys)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the line to the coordinator."""
        self.endpoint.close()

    @property
    def party(self) -> str:
        return self.endpoint.party

    @property
    def trust(self) -> TrustRoot:
        return self.endpoint.trust

    @property
    def entry(self) -> PartyEntry:
        """This party as the trust root pins it."""
        entry = self.trust.party(self.party)
        if entry is None:
            raise InputMalformed(f"expected `{self.party}` in the trust root, got none")
        return entry

    def now_text(self) -> str:
        return instant_text(self.clock())

    def submit_document(self, document: Document) -> Posted:
        """Sign `document` with this party's key and post it."""
        return self.endpoint.post_document(document.envelope(self.keys.identity))

    def document(self, kind: type[AnyDocument], digest: str) -> AnyDocument:
        """The document with this digest, read as `kind`."""
        return kind.read(self.endpoint.get_document(digest))

    def documents(self, kind: str) -> Iterator[DocumentLine]:
        """What is stored of a kind."""
        if kind not in KINDS:
            raise InputMalformed(f"expected a document kind, got `{kind[:63]}`")
        return self.endpoint.documents(kind)

    def review(self, digest: str) -> tuple[Document, Envelope]:
        """A document as its kind says, strictly read, and the envelope with all signatures so far."""
        envelope = self.endpoint.get_document(digest)
        return read_any(envelope), envelope

    def sign(self, digest: str, *, approve: Callable[[Document], bool] | None = None) -> Posted | None:
        """Fetch, read, let `approve` decide, sign, post; None if it was not approved.

        Only this party's signature is posted: those of others are theirs to give.
        """
        document, _ = self.review(digest)
        if approve is not None and not approve(document):
            return None
        return self.submit_document(document)

    def catalog(self) -> list[tuple[str, Dataset]]:
        """Digest and declaration of every data set in the district's catalogue."""
        return [
            (line.digest, self.document(Dataset, line.digest)) for line in self.endpoint.documents("dataset")
        ]

    def suspend(
        self,
        kind: SuspensionTarget,
        reason: Bilingual,
        *,
        digest: str | None = None,
        party: str | None = None,
    ) -> Posted:
        """Stop a document (by `digest`) or a party at once, alone."""
        return self.submit_document(
            Suspension(
                id=fresh_id("suspension"),
                target=HaltedDocument(kind=kind, digest=digest, party=party),
                by=self.party,
                reason=reason,
                at=self.now_text(),
            )
        )

    def revoke(self, target: RevocationTarget, digests: Sequence[str], reason: Bilingual) -> list[Posted]:
        """End models, keys or consents (by commitment) for good; 500 to a document."""
        return [self.submit_document(document) for document in self.revocations(target, digests, reason)]

    def revocations(
        self, target: RevocationTarget, digests: Sequence[str], reason: Bilingual
    ) -> list[Revocation]:
        """The documents that `revoke` would post."""
        return [
            Revocation(
                id=fresh_id("revocation"),
                target=target,
                digests=tuple(digests[start : start + _PER_REVOCATION]),
                by=self.party,
                reason=reason,
                at=self.now_text(),
            )
            for start in range(0, len(digests), _PER_REVOCATION)
        ]


def read_any(envelope: Envelope) -> Document:
    """The document in `envelope`, strictly read in the kind that its media type names."""
    model = KINDS.get(envelope.kind)
    if model is None:
        raise InputMalformed(f"expected a known document kind, got `{envelope.kind}`")
    return model.read(envelope)


def fresh_id(prefix: str) -> str:
    """A document id that no other document has."""
    return f"{prefix}-{secrets.token_hex(8)}"
