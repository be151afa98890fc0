"""The export: everything an auditor needs to verify the log offline, in one file of JSON lines.

Line 1 names the format, the number of entries and the trust root (base64 of the file's bytes); then one line for each
entry, its canonical bytes as they were hashed; the last line holds the newest checkpoint with the cosignatures of
the quorum. Every line is canonical JSON, so that no byte can change unnoticed. `verify.py` reads it.
"""

import base64
from typing import IO

import rfc8785
from sqlalchemy import Connection

from policies.log.note import Note, TreeHead
from sandbox.log.errors import LogUnknown
from sandbox.log.evidence import EvidenceLog

FORMAT = "domicile-log-export/1"
_CHUNK = 4096
"""Entries read at a time, so that memory does not grow with the log."""


def export(
    log: EvidenceLog, connection: Connection, out: IO[bytes], *, trust_root: bytes, quorum: int
) -> int:
    """Write the export up to the newest quorum-cosigned checkpoint and return its size in entries.

    `trust_root` are the bytes of the trust-root file. Raise LogUnknown while no checkpoint has its quorum.
    """
    note = log.cosigned(connection, 0, quorum)
    if note is None:
        raise LogUnknown(f"expected a checkpoint cosigned by {quorum} witnesses, got none")
    size = TreeHead.parse(Note.parse(note).body).size
    embedded = base64.b64encode(trust_root).decode("ascii")
    out.write(rfc8785.dumps({"format": FORMAT, "size": size, "trust_root": embedded}) + b"\n")
    for start in range(0, size, _CHUNK):
        for entry in log.entries(connection, start, min(start + _CHUNK, size)):
            out.write(entry + b"\n")
    out.write(rfc8785.dumps({"checkpoint": note}) + b"\n")
    return size
