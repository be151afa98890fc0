"""Requests about the evidence log; what they return proves itself and is checked by the caller (policies.log)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from enclaves.transport import answers
from enclaves.transport.channel import Channel
from policies.documents.strict_json import Json


@dataclass(frozen=True, slots=True)
class CheckpointNote:
    """A signed note as text, and the tree size that the coordinator says it has."""

    note: str
    size: int


class LogRequests(Channel):
    """Checkpoints, entries, proofs, cosignatures, the export."""

    def checkpoint(self, min_size: int = 0) -> CheckpointNote:
        """The newest checkpoint with a quorum and at least `min_size` entries; NotFound while there is none."""
        return self._note("checkpoint", {"min_size": min_size})

    def latest(self) -> CheckpointNote:
        """The newest checkpoint signed by the log, cosigned or not."""
        return self._note("latest", {})

    def entries(self, start: int, end: int) -> list[bytes]:
        """Canonical bytes of the entries start … end-1, or as many of them as fit a page."""
        answer = self._look("entries", {"start": start, "end": end})
        return [answers.from_base64(item) for item in answers.texts(answer, "entries")]

    def post_cosignature(self, size: int, line: str) -> int:
        """Hand in a witness's signature line over the checkpoint of `size`; returns the size it now stands under."""
        return answers.integer(self.post_json("/v1/log/cosignatures", {"size": size, "line": line}), "size")

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The audit path of entry `index` in the tree of `size` (RFC 9162 section 2.1.3)."""
        return answers.hashes(self._look("proofs/inclusion", {"index": index, "size": size}), "proof")

    def export(self) -> bytes:
        """The export of `sandbox/log`: JSON lines that `sandbox/log/verify.py` verifies offline."""
        return self.get("/v1/log/export", wait=120)

    def _note(self, path: str, numbers: dict[str, int]) -> CheckpointNote:
        answer = self._look(path, numbers)
        found = CheckpointNote(answers.text(answer, "note"), answers.integer(answer, "size"))
        self.enclosed.saw(found.size)
        return found

    def _look(self, path: str, numbers: dict[str, int]) -> Mapping[str, Json]:
        """An answer about the log: as a mailbox answer enclosed it, or as asked for now."""
        return self.enclosed.log(path, numbers) or self.get_json(f"/v1/log/{path}", params=dict(numbers))
