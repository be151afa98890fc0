"""What the alignment refuses. A class of its own only where a caller acts differently."""

from typing import ClassVar

from enclaves.protocols.errors import ProtocolError


class PointInvalid(ProtocolError):
    """Bytes that are no ristretto255 element other than the identity, or no scalar of its order."""

    code: ClassVar[str] = "point_invalid"


class ProofInvalid(ProtocolError):
    """A proof does not show that the elements were evaluated under the announced key."""

    code: ClassVar[str] = "proof_invalid"


class BatchInvalid(ProtocolError):
    """A batch has another form, size, place on its route, or content than its sender committed to."""

    code: ClassVar[str] = "batch_invalid"


class SetChanged(ProtocolError):
    """A rerun of a scenario was tried with another set than the committed one."""

    code: ClassVar[str] = "alignment_set_changed"


class ScenarioKeyDeleted(ProtocolError):
    """The key of an ended scenario was asked for; it is gone for good."""

    code: ClassVar[str] = "scenario_key_deleted"
