"""The partner: makes models and queries, seals each part to its own domain and to the examiner, submits jobs.

Where an authorization names it, it is a recipient of tables too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final

from enclaves.protocols.sealing import seal
from enclaves.transport.endpoint import JobStatus
from enclaves.transport.party import sealing_key
from enclaves.transport.sealed_mail import graph_info, part_info
from policies.documents import strict_json
from policies.documents.authorization import Mode
from policies.documents.model import LinearPart, Model, OnnxPart, Part
from policies.documents.query import Query
from policies.documents.trust import PartyEntry, Role
from policies.fixed_point import FixedPointInvalid, whole
from sandbox.client.errors import InputMalformed
from sandbox.client.tables import TableRecipient

NO_GRAPHS: Final[Mapping[str, bytes]] = MappingProxyType({})


class Partner(TableRecipient):
    """A platform partner."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.PARTNER})

    def seal_and_submit_model(
        self,
        head: Model,
        parts: Sequence[Part],
        graphs: Mapping[str, bytes] = NO_GRAPHS,
        *,
        hidden: bool = False,
    ) -> str:
        """Post the public head, mail each part sealed to its enclave and to the examiner; returns the model's digest.

        `graphs` holds the ONNX graph of a department's part by department. Nothing is sent unless head, parts and graphs
        fit one another: an enclave would only find out later. With `hidden`, for mode paillier, parts go to the examiner
        alone and no department ever sees them.
        """
        check_parts(head, parts, graphs)
        if hidden:
            check_hidden(head, parts)
        model = self.submit_document(head).digest
        for part in parts:
            enclave = self.trust.enclave_of(part.department)
            examiner = self.trust.sole(Role.EXAMINER)
            for receiver in (examiner,) if hidden else (enclave, examiner):
                self._mail_part(model, part, receiver, graphs.get(part.department))
        return model

    def submit_query(self, query: Query) -> str:
        """Sign and post a query; returns its digest. Whether a job may run it is decided when one is submitted."""
        return self.submit_document(query).digest

    def submit_vet_job(
        self, scenario: str, *, model: str, consents: Sequence[str], mode: Mode = Mode.MASKED
    ) -> JobStatus:
        """A vet job: the examiner receives metrics and band counts, nobody a score."""
        examiner = self.trust.sole(Role.EXAMINER).id
        return self.submit_job(
            scenario, model=model, consents=consents, recipient=examiner, authorization=None, mode=mode
        )

    def _mail_part(self, model: str, part: Part, receiver: PartyEntry | None, graph: bytes | None) -> None:
        public = sealing_key(receiver, f"an enclave of `{part.department}` or the examiner")
        to = receiver.id if receiver else ""
        plain = [(strict_json.canonical(part.to_body()), part_info(model, part.department, to))]
        if graph is not None:
            plain.append((graph, graph_info(model, part.department, to)))
        attachments = [
            self.endpoint.put_attachment(seal(public, data, info=info), audience=(to,))
            for data, info in plain
        ]
        self.endpoint.send(
            to, "model-part", {"model": model, "department": part.department}, attachments=attachments
        )


def check_parts(head: Model, parts: Sequence[Part], graphs: Mapping[str, bytes]) -> None:
    """Raise InputMalformed unless `parts` are the parts `head` names and `graphs` those the parts name."""
    named = {part.department: (part.digest, part.dataset) for part in head.parts}
    given = {part.department: (part.digest, part.dataset) for part in parts}
    if named != given or len(given) != len(parts):
        raise InputMalformed("expected exactly the parts that the model's head names, got others")
    wanted = {part.department: part.graph for part in parts if isinstance(part, OnnxPart)}
    if wanted != {department: hashlib.sha256(graph).hexdigest() for department, graph in graphs.items()}:
        raise InputMalformed("expected exactly the graphs that the ONNX parts name, got others")


def check_hidden(head: Model, parts: Sequence[Part]) -> None:
    """Raise InputMalformed unless every part can be kept from its department and computed under encryption.

    A part without a `blind` could be found by trying out weights against the public digest.
    """
    for part in parts:
        named = head.part(part.department)
        if not isinstance(part, LinearPart) or named is None:
            raise InputMalformed(f"expected a linear part of `{part.department}` for encryption, got a graph")
        if part.blind is None:
            raise InputMalformed(f"expected a blind in the part of `{part.department}`, got none")
        try:
            whole(part, named, grid=head.grid)
        except FixedPointInvalid as error:
            raise InputMalformed(str(error)) from None
