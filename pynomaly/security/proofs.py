"""A small memory of tokens and keys already proved, so that the hot path costs a hash and a look-up."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

from pynomaly.domain.permissions import Principal
from pynomaly.security.epoch import Epoch


@dataclass(frozen=True, slots=True)
class Proof:
    """Who it was, as of which epoch, and until when that may be believed without asking the store."""

    principal: Principal
    epoch: int
    valid_until: float


class ProofCache:
    """Keyed by the SHA-256 of the token: no credential lies in memory, and no look-up compares one.

    Only proofs of valid credentials are kept, so that rubbish can't push them out. When full, the oldest
    goes.
    """

    def __init__(self, epoch: Epoch, size: int) -> None:
        self._epoch = epoch
        self._size = size
        self._proofs: dict[bytes, Proof] = {}
        self._lock = Lock()

    def get(self, digest: bytes, now: float) -> Principal | None:
        """The principal, unless unknown, too old, or proved before the last change on this host."""
        proof = self._proofs.get(digest)
        if proof is None or proof.epoch != self._epoch.current() or now >= proof.valid_until:
            return None
        return proof.principal

    def put(self, digest: bytes, proof: Proof) -> None:
        """Remembers a proof."""
        with self._lock:
            self._proofs.pop(digest, None)
            while len(self._proofs) >= self._size:
                del self._proofs[next(iter(self._proofs))]
            self._proofs[digest] = proof

    def __len__(self) -> int:
        return len(self._proofs)
