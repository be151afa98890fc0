"""Mask keys that are spent slot by slot and gone after the last one.

Rules:
- Two vectors under one keystream would reveal their difference, so a position is handed out once, in order.
- The first call fixes the mode: ring masks and residues modulo t read the keystream differently and must not share it.
- In a run that recovers the self mask is one more keystream, under the same count of positions.
- After the last slot, or `close`, the keys are dropped and every further call raises KeyReused.

This guards one process; across a crash the session table and a fresh attempt do (protocols.md section 2.3, "Binding").
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from enclaves.protocols import prg, secagg
from enclaves.protocols.errors import KeyReused, ProtocolError
from enclaves.protocols.ring import Encoded, Masked
from enclaves.protocols.secagg import MaskedResidues, PairKey, ReceiverKey, Residues


class OneUse:
    """The mask keys of one party in one run of `slots` slots."""

    __slots__ = ("_modulus", "_pair_keys", "_party", "_position", "_receiver_key", "_self_mask", "_slots")

    def __init__(
        self,
        party: str,
        *,
        pair_keys: Mapping[str, PairKey],
        receiver_key: ReceiverKey | None,
        slots: int,
        self_mask: bytes | None = None,
    ) -> None:
        """`receiver_key` is None in the BFV variant, and only there; `self_mask` is the b_i of a run that recovers.

        Raises ProtocolError for keys of a wrong length, equal keys, the party itself among its peers, or no slots.
        """
        if slots < 1:
            raise ProtocolError(f"expected at least 1 slot, got {slots}")
        keys: list[bytes] = list(pair_keys.values())
        if self_mask is not None and receiver_key is None:
            raise ProtocolError("expected a self mask beside a receiver key, got one without")
        keys += [key for key in (receiver_key, self_mask) if key is not None]
        for key in keys:
            prg.check_key(key)
        if len(set(keys)) != len(keys):
            raise ProtocolError("expected a different key per peer, got one twice")
        for peer in pair_keys:
            secagg.adds(party, peer)
        self._party: Final = party
        self._pair_keys: Mapping[str, PairKey] = MappingProxyType(dict(pair_keys))
        self._receiver_key = receiver_key
        self._self_mask = self_mask
        self._slots: Final = slots
        self._position = 0
        self._modulus: int | None = None

    @property
    def remaining(self) -> int:
        """How many slots may still be masked; 0 once the keys are gone."""
        return self._slots - self._position

    def mask(self, encoded: Encoded) -> Masked:
        """Mask the next len(encoded) slots in the ring. Raises KeyReused, ProtocolError."""
        receiver_key, self_mask = self._receiver_key, self._self_mask
        if receiver_key is None:
            raise KeyReused(
                "expected a receiver key for a ring mask, got keys of the modular variant or spent ones"
            )
        start, pair_keys = self._spend(len(encoded))
        masked = secagg.mask(
            encoded, party=self._party, pair_keys=pair_keys, receiver_key=receiver_key, start=start
        )
        if self_mask is not None:
            prg.add_words(masked, self_mask, start=start)
        return masked

    def mask_mod(self, values: Residues, *, modulus: int) -> MaskedResidues:
        """Mask the next len(values) slots modulo `modulus`, the same in every call. Raises KeyReused, ProtocolError."""
        if self._receiver_key is not None:
            raise KeyReused("expected keys of the modular variant, got keys with a receiver mask")
        if self._modulus not in (None, modulus):
            raise KeyReused(f"expected the modulus {self._modulus} of earlier chunks, got {modulus}")
        self._modulus = modulus
        start, pair_keys = self._spend(len(values))
        return secagg.mask_mod(values, modulus=modulus, party=self._party, pair_keys=pair_keys, start=start)

    def close(self) -> None:
        """Drop the keys; whatever slots remained can never be masked."""
        self._position = self._slots
        self._pair_keys = MappingProxyType({})
        self._receiver_key = None
        self._self_mask = None

    def _spend(self, count: int) -> tuple[int, Mapping[str, PairKey]]:
        """Reserve `count` slots before they are masked, so that a failure in between loses them."""
        if count < 1 or count > self.remaining:
            raise KeyReused(f"expected 1 to {self.remaining} slots, got {count}")
        start, pair_keys = self._position, self._pair_keys
        self._position += count
        if self.remaining == 0:
            self.close()
        return start, pair_keys
