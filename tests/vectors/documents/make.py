"""Writes the vectors of this folder and the examples of docs/documents: `python tests/vectors/documents/make.py`.

Both come from the same documents and deterministic keys, so a second run changes nothing; a test checks that.
"""

from __future__ import annotations

import json
from pathlib import Path

import corruptions
import district_documents
import district_parties as parties

VECTORS = Path(__file__).parent
EXAMPLES = VECTORS.parents[2] / "docs" / "documents"


def files() -> dict[Path, str]:
    """Every file this script is responsible for, with its text."""
    made: dict[Path, str] = {}
    for kind, signed in district_documents.all_documents().items():
        made[EXAMPLES / f"{kind}.json"] = pretty(signed.document.to_body())
        made[VECTORS / f"{kind}.json"] = lines(vector(kind, signed))
    return made


def vector(kind: str, signed: district_documents.Signed) -> dict[str, object]:
    """A signed envelope, its signers and what must happen to each corruption of it."""
    body = signed.document.to_body()
    envelope = signed.document.envelope(*(parties.private_key(label) for label in signed.signers))
    original = corruptions.Original(kind, body, envelope.to_bytes(), signed.signers)
    return {
        "kind": kind,
        "digest": signed.document.digest,
        "signers": [{"label": label, "key": parties.public_base64(label)} for label in signed.signers],
        "envelope": envelope.to_json(),
        "corruptions": [corruption.to_json() for corruption in corruptions.of(original)],
    }


def pretty(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def lines(value: dict[str, object]) -> str:
    """A vector file: one member a line, and one corruption a line, so that a change reads as one."""
    shown = [f"{json.dumps(key)}: {_items(item)}" for key, item in value.items()]
    return "{\n" + ",\n".join(shown) + "\n}\n"


def _items(value: object) -> str:
    if not isinstance(value, list):
        return json.dumps(value)
    return "[\n  " + ",\n  ".join(json.dumps(item) for item in value) + "\n]"


def main() -> None:
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
