"""What a key holder does with the words of a ciphertext: read them through SEAL, and solve linear systems modulo a prime."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tenseal as ts
import tenseal.sealapi as sealapi

DEGREE = 4096
CKKS_PRIMES = [int(prime.value()) for prime in sealapi.CoeffModulus.Create(DEGREE, [58, 50])]
BFV_PRIMES = [
    int(prime.value()) for prime in sealapi.CoeffModulus.BFVDefault(DEGREE, sealapi.SEC_LEVEL_TYPE.TC128)
]
Row = list[int]


def seal_context(scheme: Any, primes: Sequence[Any], modulus: int | None = None) -> Any:
    parameters = sealapi.EncryptionParameters(scheme)
    parameters.set_poly_modulus_degree(DEGREE)
    parameters.set_coeff_modulus(primes)
    if modulus is not None:
        parameters.set_plain_modulus(sealapi.Modulus(modulus))
    return sealapi.SEALContext(parameters, True, sealapi.SEC_LEVEL_TYPE.TC128)


def ckks_seal_context() -> Any:
    return seal_context(sealapi.SCHEME_TYPE.CKKS, sealapi.CoeffModulus.Create(DEGREE, [58, 50]))


def bfv_seal_context(modulus: int) -> Any:
    primes = sealapi.CoeffModulus.BFVDefault(DEGREE, sealapi.SEC_LEVEL_TYPE.TC128)
    return seal_context(sealapi.SCHEME_TYPE.BFV, primes, modulus)


def loaded(kind: Any, context: Any, source: Any) -> Any:
    """`source`, an object of TenSEAL, as the SEAL object of `kind`; both bindings save and load files only."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "object")
        source.save(path)
        result = kind()
        result.load(context, path)
    return result


def ciphertext_of(vector: Any, context: Any) -> Any:
    """The one ciphertext inside a TenSEAL vector."""
    return loaded(sealapi.Ciphertext, context, vector.ciphertext()[0])


def words(data: Any, polynomial: int, *, primes: int) -> Row:
    """The words of one polynomial modulo the first prime."""
    array = data.dyn_array()
    start = polynomial * primes * DEGREE
    return [array.at(start + index) for index in range(DEGREE)]


def secret_words(context: ts.Context, seal: Any) -> Row:
    """The secret key modulo the first prime, transformed as SEAL keeps it."""
    key = loaded(sealapi.SecretKey, seal, context.secret_key().data)
    return words(key.data(), 0, primes=2)


def solved(rows: Sequence[Row], right: Row, prime: int) -> Row:
    """The solution of a square system modulo `prime`, by Gauss."""
    system = [[*row, value] for row, value in zip(rows, right, strict=True)]
    size = len(system)
    for column in range(size):
        pivot = next(index for index in range(column, size) if system[index][column] % prime)
        system[column], system[pivot] = system[pivot], system[column]
        inverse = pow(system[column][column], -1, prime)
        system[column] = [value * inverse % prime for value in system[column]]
        for index in range(size):
            factor = system[index][column]
            if index != column and factor:
                system[index] = [
                    (value - factor * lead) % prime
                    for value, lead in zip(system[index], system[column], strict=True)
                ]
    return [row[size] for row in system]
