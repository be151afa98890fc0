"""What a sealed attachment is bound to: consents, model parts and tables on their way through the coordinator.

    consent      domicile-consent/1     0  head digest   0  enclave id
    part, graph  domicile-model-part/1  0  model digest  0  department  0  receiver id      (graph: domicile-model-graph/1)
    cells        domicile-cells/1       0  run id        0  enclave id
    table, copy  domicile-table/1       0  run id        0  receiver id           (copy for a reviewer: domicile-table-review/1)

Digests are 64 hex digits, a run id is 32 bytes, ids contain no zero byte, so no two bindings share an info
(docs/protocol.md sections 3 and 6). A seal names no sender: the receiver also checks the signed document and its digest.
"""

from __future__ import annotations

from enclaves.protocols.labels import Label


def consent_info(head: str, enclave: str) -> bytes:
    """HPKE info of the packed grants of `head` (digest) sealed to `enclave`."""
    return Label.CONSENT.value + _joined(head, enclave)


def part_info(model: str, department: str, receiver: str) -> bytes:
    """HPKE info of one department's part of `model` (digest) sealed to `receiver`."""
    return Label.MODEL_PART.value + _joined(model, department, receiver)


def graph_info(model: str, department: str, receiver: str) -> bytes:
    """HPKE info of the ONNX graph of one department's part sealed to `receiver`."""
    return Label.MODEL_GRAPH.value + _joined(model, department, receiver)


def table_info(run: str, receiver: str) -> bytes:
    """HPKE info of the table of `run` (64 hex digits) sealed to the recipient `receiver`."""
    return Label.TABLE.value + bytes.fromhex(run) + b"\0" + receiver.encode()


def table_review_info(run: str, receiver: str) -> bytes:
    """HPKE info of a reviewer's copy of the table of `run` (64 hex digits) sealed to `receiver`."""
    return Label.TABLE_REVIEW.value + bytes.fromhex(run) + b"\0" + receiver.encode()


def cells_info(run: str, enclave: str) -> bytes:
    """HPKE info of the keys of `enclave`'s cells in `run` (64 hex digits), sealed to the gate."""
    return Label.CELLS.value + bytes.fromhex(run) + b"\0" + enclave.encode()


def _joined(*names: str) -> bytes:
    return b"\0".join(name.encode() for name in names)
