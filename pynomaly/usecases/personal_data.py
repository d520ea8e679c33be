"""What the stores hold of one user: handed out on request, and forgotten on request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

from pynomaly.domain.accounts import HeldData, PersonalDataSource
from pynomaly.domain.datasets import Dataset
from pynomaly.domain.detections import DetectionResult
from pynomaly.domain.detectors import Detector
from pynomaly.domain.operations import Operation
from pynomaly.domain.permissions import SecurityLevel
from pynomaly.usecases.stores import Stores

T = TypeVar("T", Dataset, Detector, DetectionResult, Operation)


@dataclass(slots=True)  # not frozen: the protocol lets a name be set
class OwnedThings(Generic[T]):
    """PersonalDataSource over one kind of things."""

    name: str
    of_owner: Callable[[str], Sequence[T]]
    remove: Callable[[T], Any]

    def export_for(self, user_id: str, clearance: SecurityLevel) -> HeldData:
        """What is known of each thing, as JSON values; the rows of a dataset come with its own export."""
        things = self.of_owner(user_id)
        shown = [_json(asdict(thing)) for thing in things if thing.level <= clearance]
        return HeldData(shown, len(things) - len(shown))

    def erase_for(self, user_id: str) -> int:
        """Remove them all, content and all; returns how many there were."""
        things = self.of_owner(user_id)
        for thing in things:
            self.remove(thing)
        return len(things)


def personal_data_sources(stores: Stores) -> Sequence[PersonalDataSource]:
    """Everything in the stores that belongs to someone."""
    return (
        OwnedThings("results", stores.results.of_owner, stores.remove_result),
        OwnedThings("detectors", stores.detectors.of_owner, stores.remove_detector),
        OwnedThings("datasets", stores.datasets.of_owner, stores.remove_dataset),
        OwnedThings(
            "operations", stores.operations.of_owner, lambda operation: stores.operations.delete(operation.id)
        ),
    )


def _json(value: Any) -> Any:
    """Datetimes as text, whatever they are in."""
    if isinstance(value, Mapping):
        return {key: _json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_json(inner) for inner in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
