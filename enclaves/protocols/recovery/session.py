"""What all stages of one session share: its id, its roster, its vectors, and room for the sum.

Rules (protocols.md sections 2.2 and 2.3):
1. The roster has 4 to 50 names in the order of their bytes; party number x of the Shamir shares is the x-th of them.
2. A configuration whose sum could wrap is refused here: parties * (bound + noise_tail) stays below half the modulus.
3. Whatever is signed or hashed starts with a label and the sid, and gives the length of every part, so that no two
   statements have the same bytes.

The sid is the hash of the signed plan, which holds all of this; computing it and judging the plan are the caller's.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from enclaves.protocols import ring
from enclaves.protocols.labels import Label
from enclaves.protocols.recovery import shamir
from enclaves.protocols.recovery.errors import Reason, RecoveryRefused
from enclaves.protocols.recovery.lanes import Lanes
from enclaves.protocols.secagg import SID_BYTES
from policies.errors import PolicyError
from policies.keys import IdentityKey
from policies.recovery import MIN_PARTIES, threshold

MAX_NAME_BYTES: Final = 255
Keys = Mapping[str, IdentityKey]
"""The verified boot key of every party of the roster."""


@dataclass(frozen=True, slots=True)
class Session:
    """One attempt of one job, as every party and the gate read it in the signed plan."""

    sid: bytes
    roster: tuple[str, ...]
    slots: int
    bound: int
    """The largest magnitude of one encoded value, noise apart."""
    noise_tail: int = 0
    """What the noise of one party does not exceed (`enclaves.noise.tails.largest_noise`); 0 without noise."""
    lanes: Lanes = Lanes.ONE

    def __post_init__(self) -> None:
        """Raises RecoveryRefused, or HeadroomExceeded for a sum that could wrap."""
        if len(self.sid) != SID_BYTES:
            raise RecoveryRefused(Reason.SESSION, f"expected a sid of {SID_BYTES} bytes, got {len(self.sid)}")
        if not MIN_PARTIES <= len(self.roster) <= shamir.MAX_PARTIES:
            raise RecoveryRefused(
                Reason.SESSION,
                f"expected {MIN_PARTIES} to {shamir.MAX_PARTIES} parties, got {len(self.roster)}",
            )
        names = [name_bytes(party) for party in self.roster]
        if any(before >= after for before, after in pairwise(names)):
            raise RecoveryRefused(Reason.SESSION, "expected a roster in ascending order without repetition")
        if self.slots < 1 or self.bound < 0 or self.noise_tail < 0:
            raise RecoveryRefused(Reason.SESSION, "expected at least 1 slot and bounds from 0")
        ring.check_headroom(len(self.roster), self.bound + self.noise_tail, modulus=self.lanes.modulus)

    @property
    def needed(self) -> int:
        """The threshold t."""
        return threshold(len(self.roster))

    @property
    def words(self) -> int:
        """Words of one vector."""
        return self.slots * self.lanes

    def number(self, party: str) -> int:
        """The Shamir coordinate of `party`, from 1. Raises RecoveryRefused for a stranger."""
        if party not in self.roster:
            raise RecoveryRefused(Reason.SESSION, f"expected a party of the roster, got `{party}`")
        return self.roster.index(party) + 1

    def statement(self, label: Label, *parts: bytes) -> bytes:
        """label || sid || (u32 length || part)*: what is signed or hashed under `label` in this session."""
        return label.value + self.sid + b"".join(len(part).to_bytes(4, "big") + part for part in parts)

    def digest(self, label: Label, *parts: bytes) -> bytes:
        """SHA-256 of the statement."""
        return hashlib.sha256(self.statement(label, *parts)).digest()


def check_keys(session: Session, keys: Keys) -> None:
    """Raise RecoveryRefused unless `keys` has one key of its own for every party of the roster."""
    if keys.keys() != set(session.roster) or len({key.raw for key in keys.values()}) != len(keys):
        raise RecoveryRefused(Reason.SESSION, "expected a key of its own for each party of the roster")


def check_signature(keys: Keys, party: str, *, signature: bytes, message: bytes) -> None:
    """Raise RecoveryRefused unless the boot key of `party` signed `message`."""
    key = keys.get(party)
    if key is None:
        raise RecoveryRefused(Reason.SIGNATURE, f"expected a party of the roster, got `{party}`")
    try:
        key.check(signature, message)
    except PolicyError:
        raise RecoveryRefused(Reason.SIGNATURE, f"expected a signature of `{party}`, got another") from None


def name_bytes(party: str) -> bytes:
    """The bytes of a name: 1 to 255 of UTF-8 without a zero byte, which separates names in key derivations."""
    try:
        encoded = party.encode("utf-8")
    except UnicodeEncodeError:
        encoded = b""
    if not 1 <= len(encoded) <= MAX_NAME_BYTES or b"\0" in encoded:
        raise RecoveryRefused(
            Reason.SESSION, f"expected a name of 1 to {MAX_NAME_BYTES} bytes without zero bytes"
        )
    return encoded
