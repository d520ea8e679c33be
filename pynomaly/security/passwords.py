"""Passwords: which are good enough, how they are hashed, and how a wrong name costs as much as a wrong
password.
"""

from __future__ import annotations

import math
from threading import BoundedSemaphore

from argon2 import PasswordHasher as Argon2
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from pynomaly.domain.errors import InvalidInput
from pynomaly.security.settings import PasswordCost, SecuritySettings

_ESTIMATED_CHARACTERS = 72
"""zxcvbn's time grows faster than the length, and it refuses more than this."""

_ESTIMATE_STEPS = 50_000
"""About 50 ms. 72 characters without ambiguous symbols take 2,600."""

_TELLING_NAME = 4
"""Shorter names occur in good passwords by chance."""


class PasswordHasher:
    """Argon2id with a bound on how many hashes run at once. Hashes carry their cost: raising it needs no
    migration.
    """

    def __init__(self, cost: PasswordCost) -> None:
        self._argon2 = Argon2(
            time_cost=cost.passes, memory_cost=cost.memory_kib, parallelism=cost.lanes, type=Type.ID
        )
        self._at_once = BoundedSemaphore(cost.at_once)
        self._decoy = self._argon2.hash("a decoy for accounts that don't exist")

    def hash(self, password: str) -> str:
        """The PHC string to store."""
        with self._at_once:
            return self._argon2.hash(password)

    def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether the password is right; None (no such account) costs the same and is never right."""
        with self._at_once:
            try:
                return (
                    self._argon2.verify(password_hash or self._decoy, password) and password_hash is not None
                )
            except (VerificationError, InvalidHashError, UnicodeEncodeError):
                return False

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the stored hash was made at another cost than today's."""
        return self._argon2.check_needs_rehash(password_hash)


def require_good_password(password: str, username: str, settings: SecuritySettings) -> None:
    """Raises InvalidInput, saying what to do, for a password that is short, endless or easily guessed.

    Length and a guess estimate instead of rules on character classes (ASVS 5.0 V6.2, NIST SP 800-63B); the
    password is taken exactly as received. The estimate knows the usual lists, keyboard walks, dates and the
    account's own name.
    """
    if len(password) < settings.password_min_length:
        raise InvalidInput(f"The password must have at least {settings.password_min_length} characters.")
    if len(password) > settings.password_max_length:
        raise InvalidInput(f"The password must have at most {settings.password_max_length} characters.")
    if len(username) >= _TELLING_NAME and username.casefold() in password.casefold():
        raise InvalidInput("The password contains the username.")
    try:
        password.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput("The password contains characters that can't be encoded.") from error
    from zxcvbn import zxcvbn

    own_words = [username, *username.replace("@", ".").split("."), settings.issuer]
    estimate = zxcvbn(estimated_part(password), user_inputs=[word for word in own_words if word])
    if estimate["score"] < settings.password_min_score:
        advice = " ".join([estimate["feedback"]["warning"], *estimate["feedback"]["suggestions"]]).strip()
        raise InvalidInput(
            "The password is too easy to guess.", hint=advice or "Use several unrelated words."
        )


def estimated_part(password: str) -> str:
    """The beginning of the password that zxcvbn can estimate within _ESTIMATE_STEPS; all of any usual one.

    It looks up each stretch of the password (n^2 / 2) once for every way to read its symbols as letters ('1' is an i or
    an l), and the ways multiply. What is cut off could only have made the password harder to guess.
    """
    part = password[:_ESTIMATED_CHARACTERS]
    while len(part) > 1 and estimate_steps(part) > _ESTIMATE_STEPS:
        part = part[:-1]
    return part


def estimate_steps(password: str) -> int:
    """How many look-ups zxcvbn makes at most."""
    from zxcvbn.matching import L33T_TABLE

    symbols = set(password)
    ways = math.prod(max(1, len(symbols.intersection(looks))) for looks in L33T_TABLE.values())
    return ways * len(password) ** 2 // 2
