"""Short mask seeds: a party that delivered is counted as gone, its pair masks are opened, and its self mask is enumerated.

The attacker is coordinator and gate at once, so that of all masks the self mask alone is left. Naive: its seed is folded to a
few bits and feeds a generator of the language's library, as in Flower (32 bits by exclusive or, Mersenne twister; 16 bits here,
so that all of them are tried in a second: 2^32 takes 65,536 times as long and no more thought). Ours: 256 bits drawn
afresh, AES-256-CTR; the same enumeration, of folded seeds and of short AES keys, finds nothing.

Source: protocols.md section 2.1 (what was found in Flower's `secaggplus`) and section 10, item 5.
"""

from __future__ import annotations

import random
from functools import cache, reduce

import numpy as np
from numpy.typing import NDArray

from enclaves.protocols import prg, ring, secagg
from enclaves.protocols.recovery import bundles, inputs, lanes
from enclaves.protocols.recovery.shamir import combine
from enclaves.protocols.ring import Total
from tests.enclaves.protocols.recovery.seats import ready, session, vector
from tests.enclaves.protocols.recovery.simulator import open_at_gate

BITS, SLOTS, LARGEST, TARGETS = 16, 3, 1000, 12
Words = NDArray[np.uint64]


def folded(secret: bytes) -> int:
    """All bytes of a seed, by exclusive or in pairs."""
    return reduce(
        lambda one, other: one ^ other, (int.from_bytes(secret[at : at + 2]) for at in range(0, 32, 2))
    )


def twister(seed: int) -> Words:
    return np.frombuffer(np.random.RandomState(seed).bytes(8 * SLOTS), dtype="<u8")


@cache
def streams() -> Words:
    """Every stream a folded seed can give, shape (2^16, SLOTS)."""
    return np.stack([twister(seed) for seed in range(1 << BITS)])


@cache
def short_keys() -> Words:
    """The same for AES-256-CTR under keys of which only 16 bits vary, at either end."""
    low = [prg.words(k.to_bytes(32, "little"), start=0, count=SLOTS) for k in range(0, 1 << BITS, 16)]
    high = [prg.words(k.to_bytes(32, "big"), start=0, count=SLOTS) for k in range(0, 1 << BITS, 16)]
    return np.stack(low + high)


def read(left: Words, masks: Words) -> list[list[int]]:
    """Every input within the bound that some mask of `masks` leaves of `left`; by chance one in 10^40."""
    candidates = (left[None, :] - masks).view(np.int64)
    return candidates[np.all(np.abs(candidates) <= LARGEST, axis=1)].tolist()  # type: ignore[no-any-return]  # numpy


def trial(number: int) -> tuple[list[int], Words, bytes]:
    """A target's input, its vector without receiver and pair masks, and its self mask's seed, from a real session."""
    given = session(slots=SLOTS, bound=LARGEST)
    parties, published, _ = ready(given, draw=number)
    secret = [int(v) for v in np.random.default_rng(number).integers(-LARGEST, LARGEST + 1, SLOTS)]
    target, *others = given.roster
    sent = parties[target].contribute(vector(*secret))
    for name in others:
        parties[name].contribute(vector(0, 0, 0))
    agreements = [parties[name].agree(others) for name in others]
    answers = [parties[name].unmask(agreements) for name in others]
    seed = combine([answer.of_mask_seeds[target] for answer in answers], needed=given.needed)
    roll = bundles.check_bundles(given, published, parties[target]._keys)
    left = sent.masked.copy()
    for peer, key in inputs.pair_keys_of(given, target, bundles.mask_key_of(given, seed), roll=roll).items():
        (lanes.subtract_stream if secagg.adds(target, peer) else lanes.add_stream)(left, key, given.lanes)
    info = secagg.receiver_key_info(given.sid, party=target)
    lanes.subtract_stream(left, open_at_gate(sent.sealed_receiver_mask, info), given.lanes)
    # What the coordinator never sees; the naive variant below folds it.
    drawn = bundles.draw_secrets(random.Random(f"{number} {target}").randbytes)
    return secret, left, drawn.self_mask


def test_the_self_mask_alone_is_left_of_a_vector_whose_party_is_counted_as_gone() -> None:
    """The set-up is fair: with the seed that nobody was given, the input opens."""
    secret, left, seed = trial(0)
    lanes.subtract_stream(left, seed, session().lanes)
    assert ring.decode(Total(left)).tolist() == secret


def test_folded_seeds_are_enumerated_and_ours_are_not() -> None:
    naive, ours, ours_short = 0, 0, 0
    for number in range(TARGETS):
        secret, left, seed = trial(number)
        encoded = ring.encode(np.array(secret))
        naive += read(encoded + twister(folded(seed)), streams()) == [secret]
        ours += len(read(left, streams()))
        ours_short += len(read(left, short_keys()))
    assert naive == TARGETS
    assert ours == 0
    assert ours_short == 0


def test_folded_seeds_repeat_and_ours_do_not() -> None:
    """2,000 seeds: about 30 pairs of parties with the same mask in 2^16, which subtract to the difference of inputs."""
    rng = np.random.default_rng(7)
    drawn = [bundles.draw_secrets(rng.bytes).self_mask for _ in range(2000)]
    assert len(drawn) - len({folded(seed) for seed in drawn}) > 10
    assert len(set(drawn)) == len(drawn)
