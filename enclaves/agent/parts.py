"""The model parts this enclave was sent: kept as they came, sealed to its own key, opened only to be used.

Rules:
1. A part is accepted if the model's partner sent it, the signed head names its digest for this department, and, for
   ONNX, the part names the graph's.
2. What is stored is the sealed bytes, so a stolen disk without the enclave's sealing key shows nothing (attack A11 leaves
   a department its own slice; see protocols.md section 1.2).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from enclaves.protocols.sealing import SealingKey, open_sealed
from enclaves.run.durable import Durable
from enclaves.run.errors import RunRefused
from enclaves.transport.sealed_mail import graph_info, part_info
from policies.documents import strict_json
from policies.documents.model import LinearPart, Model, OnnxPart, Part
from policies.errors import PolicyError

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS parts (model TEXT PRIMARY KEY, part BLOB NOT NULL, graph BLOB) WITHOUT ROWID
"""
_FORMS: Final[dict[str, type[Part]]] = {"linear": LinearPart, "onnx": OnnxPart}


@dataclass(frozen=True, slots=True)
class OpenPart:
    """A part, and the graph of an ONNX part."""

    part: Part
    graph: bytes | None


class PartStore:
    """Sealed parts by model digest."""

    def __init__(self, durable: Durable, *, department: str, enclave: str, key: SealingKey) -> None:
        self._durable = durable
        self._department = department
        self._enclave = enclave
        self._key = key
        durable.define(_TABLE)

    def add(self, digest: str, model: Model, *, part: bytes, graph: bytes | None) -> None:
        """Store sealed bytes for the model `digest`. Raises RunRefused or SealBroken if they are not its part."""
        self._opened(digest, model, part=part, graph=graph)
        self._durable.run("INSERT OR REPLACE INTO parts VALUES (?, ?, ?)", (digest, part, graph))

    def open(self, digest: str, model: Model) -> OpenPart:
        """The part of the model `digest`. Raises RunRefused(`part_missing`)."""
        rows = self._durable.rows("SELECT part, graph FROM parts WHERE model = ?", (digest,))
        if not rows:
            raise RunRefused("part_missing", "expected this department's part of the model, got none yet")
        return self._opened(digest, model, part=rows[0][0], graph=rows[0][1])

    def _opened(self, digest: str, model: Model, *, part: bytes, graph: bytes | None) -> OpenPart:
        head = model.part(self._department)
        if head is None:
            raise RunRefused("part_mismatch", "expected a model with a part for this department, got another")
        info = part_info(digest, self._department, self._enclave)
        body = open_sealed(self._key, part, info=info)
        if hashlib.sha256(body).hexdigest() != head.digest:
            raise RunRefused("part_mismatch", "expected the part that the model's head names, got another")
        read = _read(body)
        if (read.department, read.dataset) != (head.department, head.dataset):
            raise RunRefused("part_mismatch", "expected a part over the data set of its head, got another")
        return OpenPart(read, self._graph(digest, read, graph))

    def _graph(self, digest: str, part: Part, sealed: bytes | None) -> bytes | None:
        if isinstance(part, OnnxPart) != (sealed is not None):
            # What no part names is not kept: nobody would ever open it.
            raise RunRefused(
                "part_mismatch", "expected a graph exactly with an ONNX part, got another number"
            )
        if not isinstance(part, OnnxPart) or sealed is None:
            return None
        graph = open_sealed(self._key, sealed, info=graph_info(digest, self._department, self._enclave))
        if hashlib.sha256(graph).hexdigest() != part.graph:
            raise RunRefused("part_mismatch", "expected the graph that the part names, got another")
        return graph


def _read(body: bytes) -> Part:
    try:
        value = strict_json.parse_object(body)
        form = value.get("form")
        kind = _FORMS.get(form if isinstance(form, str) else "")
        part = None if kind is None else kind.from_body(value)
    except PolicyError as error:
        raise RunRefused("part_mismatch", f"expected a readable part: {error.code}") from None
    # As every document: one in another spelling, or without a member that has a default, would have two digests.
    if part is None or strict_json.canonical(part.to_body()) != body:
        raise RunRefused("part_mismatch", "expected a part of a known form in its one spelling, got another")
    return part
