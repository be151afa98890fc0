"""What can be seen of a modulus without its factors; a proof (`modulus_proof`) says the rest.

Rules:
- Exactly the declared number of bits, odd, composite, no factor below 2^16, no perfect power.
- These checks keep out degenerate and mistaken keys. They do not show that n has two prime factors of the right kind.

Follows protocols.md section 4 ("trial division to 2^16 and size/oddness checks").
"""

import functools
from typing import Final

import gmpy2
from gmpy2 import mpz

from enclaves.protocols.paillier.errors import PaillierRefused

# NIST SP 800-57 part 1: 3072-bit factoring keys for 128-bit security.
PRODUCTION_BITS: Final = 3072
# Nothing larger is wanted; a bound keeps a foreign key from costing minutes.
MAX_BITS: Final = 8192
SMALL_FACTORS_BELOW: Final = 1 << 16


def check_modulus(n: mpz, *, bits: int) -> None:
    """Raise PaillierRefused unless `n` may be a Paillier modulus of exactly `bits` bits."""
    if n < 0 or n.bit_length() != bits:
        raise PaillierRefused(f"expected a modulus of {bits} bits, got {n.bit_length()}")
    if not gmpy2.is_odd(n):
        raise PaillierRefused("expected an odd modulus, got an even one")
    if gmpy2.gcd(n, _small_primes()) != 1:
        raise PaillierRefused("expected a modulus without factors below 65536, got one with such a factor")
    if gmpy2.is_power(n):
        raise PaillierRefused("expected a modulus with different factors, got a perfect power")
    if gmpy2.is_prime(n):
        raise PaillierRefused("expected a composite modulus, got a prime")


@functools.cache
def _small_primes() -> mpz:
    """The product of all primes below 2^16: one gcd is the whole trial division."""
    return gmpy2.primorial(SMALL_FACTORS_BELOW - 1)
