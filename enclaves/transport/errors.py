"""What the wire and the command line can refuse, and the one table from a code to an HTTP status and an exit status.

`OUTCOMES` holds the codes that travel (docs/protocol.md section 1) and those of readers that refuse bytes;
`LOCAL_OUTCOMES` those that end a command or a process on this machine and are never sent. Every other code is a policy's
or a verifier's and means refused. docs/errors.md is written from these tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final

from enclaves.errors import EnclaveError


class TransportError(EnclaveError):
    """Something between two processes failed or was refused."""

    code: ClassVar[str] = "transport_error"


class RequestRefused(TransportError):
    """A request whose signature, digest, window or profile does not hold."""

    code: ClassVar[str] = "unauthenticated"


class ResponseRefused(TransportError):
    """An answer that the coordinator did not sign for this very request, or that does not have its form."""

    code: ClassVar[str] = "response_unauthenticated"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a code shows at the border: HTTP status, exit status, and what it means in one sentence."""

    status: int
    exit: int
    meaning: str


def _malformed(meaning: str) -> Outcome:
    return Outcome(400, 2, meaning)


def _absent(meaning: str) -> Outcome:
    return Outcome(404, 4, meaning)


def _unavailable(meaning: str) -> Outcome:
    return Outcome(503, 5, meaning)


REFUSED: Final = Outcome(403, 3, "a policy or a verification said no")
OUTCOMES: Final[Mapping[str, Outcome]] = MappingProxyType(
    {
        "malformed": _malformed("the request, the settings or the input of a command cannot be read"),
        "unauthenticated": Outcome(
            401, 3, "the request's signature, digest, window or signature profile does not hold"
        ),
        "request_replayed": Outcome(401, 3, "a signed request that was already received once"),
        "json_refused": _malformed(
            "not strict JSON: repeated or unknown members, other types, too deep or long"
        ),
        "envelope_refused": _malformed("not a DSSE envelope of the product's form"),
        "document_invalid": _malformed("a document that does not fit its kind"),
        "key_refused": _malformed("not a usable Ed25519 public key"),
        "grants_invalid": _malformed("packed consents that cannot be read"),
        "log_invalid": _malformed("an entry, note or proof of the log that cannot be read or does not hold"),
        "privacy_invalid": _malformed("a privacy parameter that is missing, out of range or not exact"),
        "privacy_budget_exhausted": Outcome(
            403, 3, "no privacy budget is left for the scenario, or for the person about whom most was said"
        ),
        "noise_refused": Outcome(
            403, 3, "noise of a kind or size that cannot be drawn exactly, or that could leave 64 bits"
        ),
        "query_timeout": Outcome(403, 3, "a statement that took longer than one answer may"),
        "resident_id_invalid": _malformed("not a resident number of GB 11643 with a fitting check character"),
        "not_found": _absent("no such thing, or not yet, or not for this party"),
        "log_unknown": _absent("no such entry, checkpoint or proof in the log"),
        "idempotency_conflict": Outcome(
            409, 2, "the idempotency key was used before with another request; repeat with a new key"
        ),
        "fault": Outcome(500, 5, "an error that nobody foresaw; nothing was decided"),
        "unavailable": _unavailable(
            "cannot be reached or cannot answer now; the same request may be sent again"
        ),
    }
)
LOCAL_OUTCOMES: Final[Mapping[str, Outcome]] = MappingProxyType(
    {
        "connector_error": _malformed("the department's store refused something"),
        "source_refused": _malformed("a source file that does not fit its declaration"),
        "row_key_repeated": _malformed("a source file in which the declared row key is not unique"),
        "catalog_refused": _malformed("a declaration that cannot be put into the catalogue"),
        "pid_key_refused": _malformed("not a pseudonym key of 32 bytes"),
        "twin_refused": _malformed("an invented table that cannot be made as asked"),
        "home_invalid": _malformed("a domain directory whose key file is not what it must be"),
        "vetting_input_invalid": _malformed("parts, metrics and bands that do not belong to one model"),
        "executor_setting_invalid": _malformed("a setting that names no executor, or bounds that are none"),
        "partitions_differ": _malformed(
            "a data set stored in another number of partitions than the enclave's settings say"
        ),
        "glm_invalid": _malformed(
            "a model, a column, a round or a sum that is not what a training run allows"
        ),
        "batch_mismatch": _malformed("a journal or an output that belongs to another batch"),
        "batch_journal_damaged": _malformed("a journal with a line that is not the one that was written"),
        "dataset_unknown": _absent("no data set of this id in the catalogue"),
        "snapshot_unknown": _absent("a data set that was never brought in"),
        "executor_unavailable": _unavailable("the executor that was chosen cannot be had here"),
        "cluster_exposed": _unavailable("a Ray cluster beyond loopback without Ray's TLS"),
        "partition_lost": _unavailable(
            "the worker of a partition was lost more often than the setting allows"
        ),
        "store_error": _unavailable("the department's store cannot be used now"),
        "noised_unreadable": _unavailable("a stored noisy answer that does not open under this domain's key"),
        "store_busy": _unavailable("another process holds the department's store"),
        "snapshot_tampered": _unavailable("a snapshot that is not the bytes that were published"),
        "isolation_unavailable": _unavailable(
            "this host cannot confine a worker; `domicile doctor` says why"
        ),
        "process_refused": _unavailable("a process that must not start with these settings or on this host"),
        "process_lost": _unavailable("a process of the district that ended or did not come up"),
        "batch_busy": _unavailable("another process holds the journal or the output of the batch"),
        "demo_failed": _unavailable("a step of the demo that did not come out as it must"),
        "log_rolled_back": _unavailable("the log has less than was seen of it before; nothing runs on it"),
        "log_not_durable": _unavailable("the log cannot be written durably; nothing is appended"),
    }
)


def outcome(code: str) -> Outcome:
    """The statuses of `code`; a code that is in no table is a policy's or a verifier's, and refused."""
    return OUTCOMES.get(code) or LOCAL_OUTCOMES.get(code, REFUSED)
