"""Those who may look at everything that was recorded: export, verify, prove, usage, invoices.

Nothing here trusts the coordinator: an export is verified against the trust root's pin by `sandbox/log/verify.py`, which
imports nothing of the project, and a proof against a checkpoint that a quorum of witnesses cosigned.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from policies.documents.strict_json import Json
from policies.documents.trust import Role
from policies.keys import IdentityKey
from policies.log.entry import Entry
from policies.log.merkle import check_inclusion, leaf_hash
from policies.log.note import Checkpoint, check_checkpoint
from sandbox.client.errors import ClientError, InputMalformed
from sandbox.client.member import Member
from sandbox.log.verify import ExportMalformed, ExportRefused, Report, verify_export


class LedgerRefused(ClientError):
    """An export or a proof that does not verify."""

    code: ClassVar[str] = "ledger_refused"


@dataclass(frozen=True, slots=True)
class ProvenEntry:
    """An entry with the checkpoint it was proven against."""

    index: int
    entry: Entry
    checkpoint: Checkpoint


class Ledger(Member):
    """A party that may export the evidence log and see usage."""

    def checkpoint(self, min_size: int = 0) -> Checkpoint:
        """The newest checkpoint cosigned by a quorum, all signatures checked."""
        keys = {p.id: p.key.raw for p in self.trust.parties if p.id in self.trust.witnesses}
        return check_checkpoint(
            self.endpoint.checkpoint(min_size).note,
            origin=self.trust.log.origin,
            log_key=self.log_key,
            witness_keys=keys,
            quorum=self.trust.quorum,
        )

    @property
    def log_key(self) -> bytes:
        """The pinned key of the log, 32 bytes."""
        return IdentityKey.from_base64(self.trust.log.key).raw

    def prove(self, index: int) -> ProvenEntry:
        """The entry at `index` with its inclusion proof verified; raises LogInvalid if it does not hold."""
        checkpoint = self.checkpoint(index + 1)
        entries = self.endpoint.entries(index, index + 1)
        if len(entries) != 1:
            raise LedgerRefused(f"expected the entry {index}, got {len(entries)} entries")
        path = self.endpoint.inclusion(index, checkpoint.size)
        check_inclusion(leaf_hash(entries[0]), index, size=checkpoint.size, path=path, root=checkpoint.root)
        return ProvenEntry(index, Entry.parse(entries[0]), checkpoint)

    def export(self, path: Path) -> Report:
        """Write the log's export to `path` and verify it."""
        path.write_bytes(self.endpoint.export())
        return self.verify(path)

    def verify(self, path: Path) -> Report:
        """Verify an export against the pinned trust root; raises LedgerRefused."""
        trust_root = self.endpoint.trust_root().to_bytes()
        return verify_offline(path, trust_root, self.trust.digest)

    def usage(self, period: str) -> dict[str, Json]:
        """Usage events of a month (YYYY-MM)."""
        return self.endpoint.usage(period)

    def invoice(self, recipient: str, period: str) -> dict[str, Json]:
        """The rated invoice of a recipient for a month."""
        return self.endpoint.invoice(recipient, period)


class Auditor(Ledger):
    """An auditor, or an authority."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.AUDITOR, Role.AUTHORITY})


def verify_offline(path: Path, trust_root: bytes, pin: str) -> Report:
    """Verify an export with no network; raises LedgerRefused with the verifier's reason."""
    try:
        return verify_export(path, trust_root, pin)
    except ExportMalformed as error:
        raise InputMalformed(str(error)) from None
    except ExportRefused as error:
        raise LedgerRefused(str(error)) from None
