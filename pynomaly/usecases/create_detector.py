"""Make a detector, or change what may be changed of one; no data is needed yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pynomaly.detection import resolve
from pynomaly.domain.detectors import Detector
from pynomaly.domain.errors import InvalidParameter, NotFound
from pynomaly.domain.permissions import Permission, SecurityLevel
from pynomaly.security.foundation import Caller
from pynomaly.usecases.platform import Platform, new_id, principal_of


@dataclass(frozen=True, slots=True)
class DetectorEdit:
    """What to change; None leaves it as it is. Parameters and contamination count from the next training on."""

    name: str | None = None
    description: str | None = None
    contamination: float | None = None
    parameters: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] | None = None


def create_detector(
    platform: Platform,
    caller: Caller,
    algorithm: str,
    edit: DetectorEdit,
    *,
    default_contamination: float = 0.1,
) -> Detector:
    """A new detector; raises UnknownAlgorithm or InvalidParameter now rather than at its training."""
    principal = principal_of(caller)
    platform.authz.require(principal, Permission.DETECTORS_WRITE, SecurityLevel.PUBLIC)
    spec = resolve(algorithm)
    now = platform.clock()
    contamination = default_contamination if edit.contamination is None else edit.contamination
    detector = Detector(
        id=new_id("det"),
        owner_id=principal.user_id,
        tenant_id=principal.tenant_id,
        name=edit.name or spec.title,
        description=edit.description,
        algorithm=spec.name,
        contamination=_checked(contamination),
        parameters=_checked_parameters(spec.name, edit.parameters or {}),
        created_at=now,
        updated_at=now,
        metadata=edit.metadata or {},
    )
    platform.detectors.add(detector)
    platform.confirm(caller, lambda: platform.remove_detector(detector))
    platform.record(caller, "detector.created", f"detector:{detector.id}", details={"algorithm": spec.name})
    return detector


def edit_detector(platform: Platform, caller: Caller, detector_id: str, edit: DetectorEdit) -> Detector:
    """The detector with those changes."""
    present = platform.detector(caller, detector_id, Permission.DETECTORS_WRITE)
    changed = replace(
        present,
        name=edit.name or present.name,
        description=present.description if edit.description is None else edit.description,
        contamination=present.contamination if edit.contamination is None else _checked(edit.contamination),
        parameters=(
            present.parameters
            if edit.parameters is None
            else _checked_parameters(present.algorithm, edit.parameters)
        ),
        metadata=present.metadata if edit.metadata is None else edit.metadata,
        updated_at=platform.clock(),
    )
    if not platform.detectors.update(changed):
        raise NotFound("There is no such detector.")
    platform.record(caller, "detector.changed", f"detector:{detector_id}")
    return platform.detector(caller, detector_id, Permission.DETECTORS_READ)


def _checked(contamination: float) -> float:
    if not 0 < contamination <= 0.5:
        raise InvalidParameter("contamination_rate must be above 0 and at most 0.5.")
    return contamination


def _checked_parameters(algorithm: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Only what was given is kept: defaults that depend on the data are for the training to choose."""
    resolve(algorithm).check_parameters(given)
    return dict(given)
