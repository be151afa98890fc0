"""A part is used only if the examiner signed exactly it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import gmpy2
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from gmpy2 import mpz

from enclaves.protocols.paillier import ciphertexts, weights
from enclaves.protocols.paillier.errors import PaillierRefused, PartNotSigned
from enclaves.protocols.paillier.obfuscators import Pool, draw_base
from enclaves.protocols.paillier.weights import AcceptedPart, EncryptedPart
from tests.enclaves.protocols.paillier.kit import BINDING, bounds_of, phe_key, signed_part, small, small_pool

VALUES = [3, -4, 0, 1000]


@cache
def part() -> EncryptedPart:
    return signed_part(VALUES, -5, bounds=bounds_of(4), pool=small_pool())[0]


def accept(changed: EncryptedPart, is_signed: Callable[[bytes], bool] | None = None) -> AcceptedPart:
    known = is_signed or {part().digest}.__contains__
    return weights.accept(changed, key=small().public, bounds=bounds_of(4), binding=BINDING, is_signed=known)


def everything(digest: bytes) -> bool:
    return True


def test_a_signed_part_holds_the_examiners_weights() -> None:
    accepted = accept(part())
    assert [ciphertexts.decrypt(small(), weight) for weight in accepted.weights] == VALUES
    assert ciphertexts.decrypt(small(), accepted.intercept) == -5
    assert accepted.base == small_pool().base


def test_the_same_weights_never_give_the_same_ciphertext() -> None:
    again, _ = signed_part([7] * 4, 7, bounds=bounds_of(4), pool=small_pool())
    assert len({again.intercept, *again.weights}) == 5


def test_a_real_signature_decides() -> None:
    examiner = Ed25519PrivateKey.generate()
    signature = examiner.sign(part().digest)

    def verified(digest: bytes) -> bool:
        try:
            examiner.public_key().verify(signature, digest)
        except InvalidSignature:
            return False
        return True

    accept(part(), verified)
    with pytest.raises(PartNotSigned):
        accept(replace(part(), weights=part().weights[::-1]), verified)


def changes() -> dict[str, EncryptedPart]:
    first, second, *others = part().weights
    fresh = ciphertexts.encrypt(3, small_pool()).to_wire()
    return {
        "another weight": replace(part(), weights=(fresh, second, *others)),
        "swapped": replace(part(), weights=(second, first, *others)),
        "repeated": replace(part(), weights=(first, first, *others)),
        "left out": replace(part(), weights=(second, *others)),
        "added": replace(part(), weights=(*part().weights, fresh)),
        "intercept moved": replace(part(), intercept=first, weights=(part().intercept, second, *others)),
        "another intercept": replace(part(), intercept=fresh),
        "another base": replace(part(), base=draw_base(small().public).to_wire()),
        "another binding": replace(part(), binding=bytes(32)),
        "another key": replace(part(), key_digest=small(seed=4).public.digest),
    }


@pytest.mark.parametrize("change", list(changes()))
def test_any_change_to_a_part_is_refused(change: str) -> None:
    changed = changes()[change]
    assert changed.digest != part().digest
    with pytest.raises(PartNotSigned):
        accept(changed)


def test_a_part_of_another_authorization_or_key_is_refused_though_signed() -> None:
    for other in (replace(part(), binding=bytes(32)), replace(part(), key_digest=bytes(32))):
        with pytest.raises(PartNotSigned, match="this authorization and key"):
            accept(other, everything)


def test_a_part_is_not_parsed_before_its_signature_held() -> None:
    nonsense = replace(part(), weights=(b"\xff" * 128,) * 4)
    with pytest.raises(PartNotSigned):
        accept(nonsense)
    with pytest.raises(PaillierRefused, match=r"1 to n\^2 - 1"):
        accept(nonsense, everything)


def test_a_signed_part_over_no_base_is_still_refused() -> None:
    # Encrypted by other means than the room's, half of all ciphertexts have Jacobi symbol -1 and would show parities.
    key, n = phe_key(small()), small().public.n
    value = next(c for c in iter(lambda: key.raw_encrypt(3), None) if gmpy2.jacobi(c, n) == -1)
    data = int(value).to_bytes(128, "big")
    with pytest.raises(PaillierRefused, match="over the part's base"):
        accept(replace(part(), intercept=data), everything)


def test_a_signed_number_outside_of_the_group_is_still_refused() -> None:
    data = int(mpz(small().phe.p)).to_bytes(128, "big")
    with pytest.raises(PaillierRefused, match="unit modulo n"):
        accept(replace(part(), weights=(data, *part().weights[1:])), everything)


def test_a_part_survives_the_wire() -> None:
    data = part().to_wire()
    assert len(data) == 64 + 6 * 128
    assert weights.part_from_wire(data, features=4, bits=512) == part()
    for bad in (b"", data[:-1], data + b"\0"):
        with pytest.raises(PaillierRefused, match="a part of 832 bytes"):
            weights.part_from_wire(bad, features=4, bits=512)
    with pytest.raises(PaillierRefused):
        weights.part_from_wire(data[:320], features=0, bits=512)


def test_a_part_has_a_shape_from_birth() -> None:
    for change in ({"weights": ()}, {"intercept": b"1"}, {"binding": b"1"}, {"key_digest": b""}):
        with pytest.raises(PaillierRefused):
            replace(part(), **change)  # type: ignore[arg-type]


def test_only_accept_builds_an_accepted_part() -> None:
    good = accept(part())
    with pytest.raises(PaillierRefused, match="from accept"):
        AcceptedPart(good.key, good.bounds, good.base, good.intercept, good.weights)


def test_the_examiner_encrypts_only_what_the_bounds_allow() -> None:
    def encrypt(values: list[int], intercept: int = 0, pool: Pool | None = None) -> None:
        weights.encrypt_part(
            values, intercept, bounds=bounds_of(4), binding=BINDING, pool=pool or small_pool()
        )

    encrypt([1000, -1000, 0, 0], 10_000)
    for values, intercept in (([1001, 0, 0, 0], 0), ([0, -1001, 0, 0], 0), ([0] * 4, 10_001), ([0] * 3, 0)):
        with pytest.raises(PaillierRefused):
            encrypt(values, intercept)
    # The flooding that departments do counts on the examiner's own exponents being of the plain length.
    with pytest.raises(PaillierRefused, match="exponents of half the modulus"):
        encrypt([0] * 4, pool=accept(part()).pool())


def test_entries_of_parts_with_equal_ciphertexts_differ_by_place_and_number() -> None:
    one, other = part().entry_digests, replace(part(), weights=part().weights[:3]).entry_digests
    assert len({*one, *other}) == len(one) + len(other)
