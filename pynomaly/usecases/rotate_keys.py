"""A new encryption key, and everything stored sealed anew under it while the service goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pynomaly.domain.permissions import Permission, SecurityLevel
from pynomaly.security.encryption import EncryptedObjects, EncryptionService
from pynomaly.security.foundation import Caller
from pynomaly.usecases.platform import Platform, principal_of


class Resealable(Protocol):
    """A store that can write its content anew under the present key."""

    def reseal_all(self) -> int: ...


@dataclass(frozen=True, slots=True)
class RotatedKeys:
    """The new key's id, and how many stored objects are sealed under it now."""

    key_id: str
    n_resealed: int


def rotate_keys(
    platform: Platform,
    caller: Caller,
    encryption: EncryptionService,
    contents: Resealable,
    in_database: Sequence[EncryptedObjects],
) -> RotatedKeys:
    """Make a new key and use it for everything: files, and what is encrypted in the database.

    The old keys stay readable until they are retired.
    """
    platform.authz.require(principal_of(caller), Permission.KEYS_ROTATE, SecurityLevel.PUBLIC)
    key_id = encryption.rotate_keys()
    n_resealed = contents.reseal_all() + sum(encryption.re_encrypt(kind).n_renewed for kind in in_database)
    platform.record(caller, "keys.rotated", f"key:{key_id}", details={"n_resealed": n_resealed})
    return RotatedKeys(key_id, n_resealed)
