"""The second factors' secrets as encrypted objects, so that a change of the encryption key reaches them
too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pynomaly.domain.accounts import User, UserRepository
from pynomaly.domain.errors import NotFound

_PREFIX = "totp:"


class SecondFactors:
    """EncryptedObjects over the accounts that have a second factor."""

    def __init__(self, users: UserRepository) -> None:
        self._users = users

    def contexts(self) -> Iterable[str]:
        """One for each account with a second factor."""
        return [totp_context(user.id) for user in self._users.listed() if user.totp_secret is not None]

    def read_encrypted(self, context: str) -> bytes | None:
        """The secret as it is kept, or None if account or factor has gone."""
        user = self._users.get(context.removeprefix(_PREFIX))
        return None if user is None else user.totp_secret

    def replace_encrypted(self, context: str, old: bytes, new: bytes) -> bool:
        """Keeps `new`, unless the account was given another secret meanwhile, or none."""
        is_replaced = False

        def edit(present: User) -> User:
            nonlocal is_replaced
            is_replaced = present.totp_secret == old
            return replace(present, totp_secret=new) if is_replaced else present

        try:
            self._users.change(context.removeprefix(_PREFIX), edit)
        except NotFound:
            return False
        return is_replaced


def totp_context(user_id: str) -> str:
    """What binds an encrypted second factor to its account."""
    return _PREFIX + user_id
