"""What is said in a run that recovers after its vectors: whose vectors count, and the shares that take the masks off.

The coordinator announces the **survivors**; each of them signs an **agreement** on exactly this set, and once t agree an
**unmasking**, its shares sealed to the gate. protocols.md §2.3 names these R4 and R5. Each document also carries the
signature over the protocol's own statement (`enclaves.protocols.recovery`), which the gate verifies with all the others.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from policies.documents.document import Document
from policies.documents.fields import Base64Signature, Base64Text, Party, Sha256


def _check_ascending(names: tuple[str, ...]) -> tuple[str, ...]:
    if list(names) != sorted(set(names)):
        raise ValueError("expected enclaves in ascending order, each once")
    return names


Enclaves = Annotated[tuple[Party, ...], Field(min_length=3, max_length=50), AfterValidator(_check_ascending)]


class Survivors(Document):
    """U3 as the coordinator announces it; signed by the coordinator, so that two of one run would convict it."""

    kind: ClassVar[str] = "survivors"

    run: Sha256
    survivors: Enclaves


class Agreement(Document):
    """R4: this enclave agrees to this set and to no other; signed by its boot key."""

    kind: ClassVar[str] = "agreement"

    run: Sha256
    enclave: Party
    transcript: Sha256
    survivors: Enclaves
    signature: Base64Signature
    """Over the protocol's statement of the set."""


class Unmasking(Document):
    """R5: the shares this enclave gives away, once; signed by its boot key."""

    kind: ClassVar[str] = "unmasking"

    run: Sha256
    enclave: Party
    transcript: Sha256
    survivors: Enclaves
    shares: Annotated[Base64Text, Field(max_length=16_384)]
    """Base64 of the shares and the signature over them, sealed to the gate."""
