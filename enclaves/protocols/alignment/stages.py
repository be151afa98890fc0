"""The steps of an alignment inside a department: bring the own set, raise the others', each a pure stage.

    bring      hash and raise the own ids, pad with dummies, shuffle, wrap the payloads to the joiner
    pass_on    check the batch against the log, raise its points, shuffle, wrap its entries once more

Rules:
- A batch is raised only by the department whose turn it is, only in the scenario of its key, and only if its points are
  those its sender logged: nobody can slip a point of his own in to have it raised.
- A set that differs from the one served before in this scenario is refused (SetChanged).
- All points are decoded strictly, so that no identity and no invalid encoding is raised.
- The commitment is recorded before a batch is returned; the caller logs it before it sends.

Randomness is an argument (`secrets.token_bytes`); sealing to the joiner draws its own. Signatures, the log and sending are
left to others. Semi-honest departments are assumed: one that raises with a wrong key spoils the answer, not a secret.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from enclaves.protocols.alignment import sizes
from enclaves.protocols.alignment.batch import Batch
from enclaves.protocols.alignment.commitment import Commitment, check_commitment
from enclaves.protocols.alignment.errors import BatchInvalid
from enclaves.protocols.alignment.group import POINT_BYTES, Points
from enclaves.protocols.alignment.layers import LayerBinding, wrap
from enclaves.protocols.alignment.payload import PayloadShape, Record
from enclaves.protocols.alignment.roster import Roster
from enclaves.protocols.alignment.scenario_key import ScenarioKey
from enclaves.protocols.alignment.shuffle import RandomBytes, permutation, reordered
from enclaves.protocols.errors import ProtocolError
from enclaves.protocols.sealing import CONTENT_KEY_BYTES, SealingPublicKey
from policies.resident import ResidentId


def bring(
    persons: Sequence[tuple[ResidentId, Record]],
    key: ScenarioKey,
    *,
    roster: Roster,
    shape: PayloadShape,
    joiner: SealingPublicKey,
    random_bytes: RandomBytes,
) -> Batch:
    """The own set at stage 1. Raises BatchInvalid for too many ids or one twice, SetChanged for another set in a rerun."""
    _check_scenario(key, roster)
    ids = [person for person, _ in persons]
    if len(set(ids)) != len(ids):
        raise BatchInvalid("expected each person once, got one twice")
    dummies = sizes.padded(len(ids)) - len(ids)
    points = key.blinded(ids, dummies=dummies)
    entries = shape.pack((record for _, record in persons), dummies=dummies)
    own = _Unmixed(key.department, 1, points=points, entries=entries)
    return _mixed(own, key, roster=roster, joiner=joiner, random_bytes=random_bytes)


def pass_on(
    batch: Batch,
    key: ScenarioKey,
    *,
    roster: Roster,
    logged: Commitment,
    joiner: SealingPublicKey,
    random_bytes: RandomBytes,
) -> Batch:
    """Another department's batch one stage further; `logged` is the commitment its sender signed into the log.

    Raises BatchInvalid, SetChanged, or PointInvalid; a refused batch leaves no trace in the key.
    """
    _check_scenario(key, roster)
    if batch.sid != roster.sid or roster.holder(batch.origin, stage=batch.stage) != key.department:
        raise BatchInvalid("expected a batch of this scenario whose next department this is, got another")
    check_commitment(batch.commitment, logged)
    key.check_same_set(batch.origin, stage=batch.stage, commitment=logged)
    raised = key.raised(batch.points)
    key.commit(batch.origin, stage=batch.stage, commitment=logged)
    further = _Unmixed(
        batch.origin,
        batch.stage + 1,
        points=raised,
        entries=batch.entries,
        wrapped_keys=batch.wrapped_keys,
    )
    return _mixed(further, key, roster=roster, joiner=joiner, random_bytes=random_bytes)


@dataclass(frozen=True, slots=True)
class _Unmixed:
    """A batch raised to its new stage, still in the order it came in and without that stage's layer."""

    origin: str
    stage: int
    points: Points
    entries: bytes
    wrapped_keys: tuple[bytes, ...] = ()


def _mixed(
    unmixed: _Unmixed,
    key: ScenarioKey,
    *,
    roster: Roster,
    joiner: SealingPublicKey,
    random_bytes: RandomBytes,
) -> Batch:
    """Points and entries in one new order, the entries wrapped once more, and the new set committed to."""
    order = permutation(len(unmixed.points), random_bytes)
    width = len(unmixed.entries) // len(unmixed.points)
    layer = wrap(
        reordered(unmixed.entries, order, width=width),
        joiner,
        width=width,
        binding=LayerBinding(roster.sid, unmixed.origin, key.department, unmixed.stage),
        content_key=random_bytes(CONTENT_KEY_BYTES),
    )
    batch = Batch(
        sid=roster.sid,
        origin=unmixed.origin,
        stage=unmixed.stage,
        points=Points(reordered(unmixed.points.raw, order, width=POINT_BYTES)),
        entries=layer.entries,
        wrapped_keys=(*unmixed.wrapped_keys, layer.wrapped_key),
    )
    key.commit(batch.origin, stage=batch.stage, commitment=batch.commitment)
    return batch


def _check_scenario(key: ScenarioKey, roster: Roster) -> None:
    if key.sid != roster.sid or key.department not in roster.departments:
        raise ProtocolError("expected a key of this scenario and of a department of it, got another")
