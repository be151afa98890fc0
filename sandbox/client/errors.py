"""What the SDK itself refuses; what the coordinator refuses is in `enclaves.transport.problem`."""

from __future__ import annotations

from typing import ClassVar

from sandbox.errors import SandboxError


class ClientError(SandboxError):
    """The SDK refuses to do, or to believe, something."""

    code: ClassVar[str] = "client_error"


class InputMalformed(ClientError):
    """What the caller gave does not fit."""

    code: ClassVar[str] = "malformed"


class ReleaseRefused(ClientError):
    """A delivered score that does not prove itself: signature, binding, inclusion or seal."""

    code: ClassVar[str] = "release_refused"


class ReceiptRefused(ClientError):
    """A receipt that does not say what was delivered."""

    code: ClassVar[str] = "receipt_refused"


class BatchMismatch(ClientError):
    """A journal or an output that belongs to another batch."""

    code: ClassVar[str] = "batch_mismatch"


class JournalDamaged(ClientError):
    """A journal of a batch with a line that is not the one that was written."""

    code: ClassVar[str] = "batch_journal_damaged"


class BatchBusy(ClientError):
    """Journal or output of a batch are held by another process."""

    code: ClassVar[str] = "batch_busy"


class PageUnsettled(ClientError):
    """A page of a batch that may have been delivered and billed, longer ago than its first answer is kept."""

    code: ClassVar[str] = "batch_page_unsettled"


class NothingYet(ClientError):
    """What was asked for is not there yet; asking again later may find it."""

    code: ClassVar[str] = "not_found"


class TookTooLong(ClientError):
    """Something did not come to an end in the time the caller gave it."""

    code: ClassVar[str] = "unavailable"
