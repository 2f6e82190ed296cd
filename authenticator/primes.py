"""RSA primes from the environment's randomness, for runs that must repeat from their seed.

OpenSSL draws RSA keys from its own generator only, so a seeded key is made here. Unseeded ones come from OpenSSL.
"""

from __future__ import annotations

from math import gcd

from authenticator.environment import Randomness

_SMALL_PRIMES = [n for n in range(3, 2000, 2) if all(n % d for d in range(3, int(n**0.5) + 1, 2))]
_MILLER_RABIN_ROUNDS = 8


def seeded_rsa_primes(random: Randomness, bits: int, exponent: int) -> tuple[int, int]:
    p = _prime(random, bits // 2, exponent)
    q = _prime(random, bits // 2, exponent)
    while p == q:
        q = _prime(random, bits // 2, exponent)
    return max(p, q), min(p, q)


def _prime(random: Randomness, bits: int, exponent: int) -> int:
    while True:
        # The two highest bits are set, so that the product has twice the bits.
        start = int.from_bytes(random.bytes(bits // 8), "big") | (3 << (bits - 2)) | 1
        remainders = [start % small for small in _SMALL_PRIMES]
        for offset in range(0, 4096, 2):
            if any(
                (remainder + offset) % small == 0
                for remainder, small in zip(remainders, _SMALL_PRIMES, strict=True)
            ):
                continue
            candidate = start + offset
            if (
                candidate.bit_length() == bits
                and gcd(candidate - 1, exponent) == 1
                and _is_probably_prime(candidate, random)
            ):
                return candidate


def _is_probably_prime(candidate: int, random: Randomness) -> bool:
    odd, twos = candidate - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(_MILLER_RABIN_ROUNDS):
        base = int.from_bytes(random.bytes(16), "big") + 2
        power = pow(base, odd, candidate)
        if power in (1, candidate - 1):
            continue
        for _ in range(twos - 1):
            power = pow(power, 2, candidate)
            if power == candidate - 1:
                break
        else:
            return False
    return True
