"""The witness: it cosigns a head only as the continuation of all it has seen.

Rules this module decides:

- A witness receives every entry since its last size, recomputes the root itself and compares it with the signed
  one; proofs alone could not show it what was *not* revoked.
- It never goes back: a smaller size, or another root for the same leaves, is a fork.
- The first entry it accepts is the trust root with the pinned digest.

INVARIANT: size only grows, and the caller makes the new state durable before it cosigns: a witness that forgot
could be led to cosign two histories. Source: protocols.md section 8, attacks A7 and A16; C2SP tlog-witness.
Applying the revocations and suspensions among the entries is left to the caller, and comes before cosigning too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from policies.log.entry import Entry, EntryType
from policies.log.errors import LogForked, LogInvalid
from policies.log.merkle import Frontier, leaf_hash
from policies.log.note import Note, TreeHead, check_signature


@dataclass(frozen=True, slots=True)
class WitnessState:
    """What a witness must remember of a log: its size and the frontier over all its leaves."""

    size: int = 0
    frontier: Frontier = field(default_factory=Frontier)

    def __post_init__(self) -> None:
        if self.size != self.frontier.size:
            raise LogInvalid(
                f"witness state: expected a frontier of size {self.size}, got {self.frontier.size}"
            )

    def head(self, origin: str) -> TreeHead:
        """Return the head this state stands for: what the witness may cosign once the state is durable."""
        return TreeHead(origin, self.size, self.frontier.root())


def advance(
    state: WitnessState, *, note: str, entries: Sequence[bytes], origin: str, log_key: bytes, pin: str
) -> WitnessState:
    """Return the state after the signed `note`, whose leaves beyond `state.size` are `entries`.

    `log_key` has 32 bytes, `pin` is the SHA-256 of the trust root's payload in hex. Raise LogForked if the log
    contradicts what this witness has seen, LogInvalid on anything malformed, missing or signed by another key.
    Equal sizes with equal roots are allowed: cosigning again renews the time.
    """
    # 1. The log signed this head under its own name.
    head = check_signature(Note.parse(note), origin=origin, log_key=log_key)
    # 2. It does not go back.
    if head.size < state.size:
        raise LogForked(f"checkpoint size: expected at least {state.size}, got {head.size}")
    # 3. Every leaf in between is here, and each is an entry.
    if len(entries) != head.size - state.size:
        raise LogInvalid(f"entries: expected {head.size - state.size}, got {len(entries)}")
    parsed = [Entry.parse(data) for data in entries]
    # 4. The log begins with the trust root that this witness was given out of band.
    if state.size == 0 and parsed:
        check_first(parsed[0], pin)
    # 5. They lead from what was seen to what is signed, and to nothing else.
    frontier = state.frontier.extend(leaf_hash(data) for data in entries)
    if frontier.root() != head.root:
        raise LogForked(f"root at size {head.size}: expected {frontier.root().hex()}, got {head.root.hex()}")
    return WitnessState(head.size, frontier)


def check_first(entry: Entry, pin: str) -> None:
    """Raise LogInvalid unless `entry` is the trust root with the pinned digest."""
    if entry.type is not EntryType.TRUST_ROOT or entry.digests.get("trust-root") != pin:
        raise LogInvalid(f"entry 0: expected the trust root {pin}")
