"""The alignment key of one department for one scenario: a one-way state from live to deleted.

Rules:
- The key is drawn from 96 uniform bytes for one scenario and serves no other: 64 give the exponent, 32 the secret from
  which the dummies are made. Dummies are the same in every run of the scenario, so that a rerun's set is the same set.
- It raises one set per origin and stage. The commitment of the first is kept; a rerun with another set, one person fewer
  for instance, would show by difference who the one is, and raises SetChanged.
- `delete` drops the secrets; every later use raises ScenarioKeyDeleted. There is no way back, and without the key of a
  single department nobody can compute another token of the scenario, not even all other parties together.

Tokens are H(sid || id)^(k_1 ··· k_n), with H hashing to the group under the label of the purpose's ids (protocols.md section 5,
pattern 2). Python cannot overwrite the bytes it drops; that memory is gone with the process at the latest, and swap is
encrypted or off. A caller that must survive a restart keeps the 96 bytes in its key store and erases them there at the
scenario's end; the commitments outlive it in the log, from where the caller hands them back in `committed`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Final

from enclaves.protocols.alignment.commitment import Commitment
from enclaves.protocols.alignment.errors import ScenarioKeyDeleted, SetChanged
from enclaves.protocols.alignment.group import UNIFORM_BYTES, Mapper, Points, Scalar, hash_all
from enclaves.protocols.alignment.hashing import Expander
from enclaves.protocols.alignment.roster import SID_BYTES, name_bytes
from enclaves.protocols.errors import ProtocolError
from enclaves.protocols.labels import Label
from policies.resident import ResidentId

SECRET_BYTES: Final = 32
RANDOM_BYTES: Final = UNIFORM_BYTES + SECRET_BYTES


class Purpose(Enum):
    """Which protocol a key serves; ids and dummies are hashed under labels of its own, so tokens never match across."""

    ALIGNMENT = (Label.ALIGN_ID, Label.ALIGN_DUMMY)
    JOINED_SUM = (Label.JOINED_SUM_ID, Label.JOINED_SUM_DUMMY)

    @property
    def ids(self) -> Expander:
        """Hashes ids."""
        return Expander(self.value[0].value)

    @property
    def dummies(self) -> Expander:
        """Hashes what the dummies are made from."""
        return Expander(self.value[1].value)


class KeyState(Enum):
    """Where a scenario's key stands; the only transition is from LIVE to DELETED."""

    LIVE = "live"
    DELETED = "deleted"


class ScenarioKey:
    """The secrets of `department` in the scenario `sid`, and the commitments they have served."""

    __slots__ = ("_committed", "_mapper", "_secrets", "department", "purpose", "sid")

    def __init__(
        self,
        randomness: bytes,
        *,
        sid: bytes,
        department: str,
        purpose: Purpose = Purpose.ALIGNMENT,
        committed: Mapping[tuple[str, int], Commitment] | None = None,
        mapper: Mapper = map,
    ) -> None:
        """`randomness` is 96 fresh uniform bytes; `committed` maps origin and stage to what was logged before.

        `mapper` may be the `map` of a thread pool, to use more than one core.
        """
        if len(randomness) != RANDOM_BYTES or len(sid) != SID_BYTES:
            raise ProtocolError(f"expected {RANDOM_BYTES} random bytes and a sid of {SID_BYTES}, got others")
        name_bytes(department)
        self.sid: Final = sid
        self.department: Final = department
        self.purpose: Final = purpose
        self._secrets: tuple[Scalar, bytes] | None = (
            Scalar.from_uniform(randomness[:UNIFORM_BYTES]),
            randomness[UNIFORM_BYTES:],
        )
        self._committed = dict(committed or {})
        self._mapper: Final = mapper

    def __repr__(self) -> str:
        return f"ScenarioKey({self.department!r}, {self.state.value})"

    @property
    def state(self) -> KeyState:
        """LIVE until `delete`."""
        return KeyState.DELETED if self._secrets is None else KeyState.LIVE

    @property
    def committed(self) -> Mapping[tuple[str, int], Commitment]:
        """The sets this key has served, by origin and stage; they belong in the log."""
        return dict(self._committed)

    def blinded(self, ids: Sequence[ResidentId], *, dummies: int) -> Points:
        """The department's own ids and then its dummies, hashed to the group and raised, in order."""
        exponent, secret = self._live()
        known = candidates(self.sid, ids, purpose=self.purpose)
        numbers = (self.sid + secret + number.to_bytes(4, "big") for number in range(dummies))
        unknown = hash_all(self.purpose.dummies, numbers)
        return Points(known.raw + unknown.raw).times(exponent, mapper=self._mapper)

    def raised(self, points: Points) -> Points:
        """Another department's points, decoded strictly and raised, in order. Raises PointInvalid."""
        exponent, _ = self._live()
        return points.times(exponent, mapper=self._mapper)

    def check_same_set(self, origin: str, *, stage: int, commitment: Commitment) -> None:
        """Raises SetChanged if another set of `origin` was served at this stage of the scenario."""
        self._live()
        if self._committed.get((origin, stage), commitment) != commitment:
            raise SetChanged(f"expected the set that `{origin}` committed to for this scenario, got another")

    def commit(self, origin: str, *, stage: int, commitment: Commitment) -> None:
        """Serve this set of `origin` at this stage and no other from now on. Raises SetChanged."""
        self.check_same_set(origin, stage=stage, commitment=commitment)
        self._committed[origin, stage] = commitment

    def delete(self) -> None:
        """The scenario has ended: drop the secrets. Doing it twice is no error."""
        self._secrets = None

    def _live(self) -> tuple[Scalar, bytes]:
        if self._secrets is None:
            raise ScenarioKeyDeleted("expected a live scenario key, got a deleted one")
        return self._secrets


def candidates(sid: bytes, ids: Iterable[ResidentId], *, purpose: Purpose = Purpose.ALIGNMENT) -> Points:
    """What anybody can compute of ids without a key: H(sid || id), packed, in order."""
    return hash_all(purpose.ids, (sid + each.text.encode() for each in ids))
