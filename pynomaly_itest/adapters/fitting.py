"""Fits a plan to a service: what it can't do is passed over with the reason, and a deployed model gets its own rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from pynomaly_itest.adapters.base import Adapter, Capability
from pynomaly_itest.adapters.service import lacking
from pynomaly_itest.profile.dataset_specs import needed_by
from pynomaly_itest.profile.matrix import cell_id
from pynomaly_itest.profile.model import DatasetSpec, Plan, Scenario, ServiceSpec

TRUTH = "truth"
"""What `evaluate` needs: rows whose true labels are known. It is a matter of the data, not of the service."""
DEPLOYED = "deployed"
"""What a matrix over algorithms or data has for a value where one model is deployed."""
OWN_ROWS = "service"
"""The dataset that a step asks a deployed model with where it names none."""
_AXES = ("algorithm", "dataset")


def fitted(plan: Plan, adapter: Adapter) -> Plan:
    """The plan as it can be run on this service, which was trained elsewhere unless it trains."""
    if adapter.trains:
        return replace(plan, scenarios=tuple(_with_reason(each, adapter, None) for each in plan.scenarios))
    own = None if plan.service is None else own_data(adapter, plan.service)
    generated = {name for name, spec in plan.datasets.items() if spec.kind != "file"}
    scenarios: dict[str, Scenario] = {}
    for scenario in plan.scenarios:
        needed = set(needed_by([scenario], plan.datasets)) & generated
        reason = _without_data(adapter) if needed and own is None else None
        collapsed = _with_reason(_collapsed(scenario, generated), adapter, reason)
        scenarios.setdefault(collapsed.id, collapsed)
    datasets = {
        name: replace(own, name=name) if own is not None and name in generated else spec
        for name, spec in plan.datasets.items()
    }
    if own is not None:
        datasets = {OWN_ROWS: own, **datasets}
    running = [scenario for scenario in scenarios.values() if scenario.unmet is None]
    return replace(
        plan,
        scenarios=tuple(scenarios.values()),
        datasets=datasets,
        needed_datasets=(*([OWN_ROWS] if own is not None else []), *needed_by(running, datasets)),
    )


def _with_reason(scenario: Scenario, adapter: Adapter, without_data: str | None) -> Scenario:
    """The scenario with the first reason to pass it over, where there is one."""
    known = {capability.value for capability in Capability}
    needed = [name for name in (*scenario.needs, *scenario.requires) if name in known]
    reason = lacking(adapter, tuple(Capability(name) for name in needed)) or without_data
    if reason is None and TRUTH in scenario.needs and not adapter.trains:
        reason = _without_labels(adapter)
    return replace(scenario, unmet=scenario.unmet or reason)


def own_data(adapter: Adapter, spec: ServiceSpec) -> DatasetSpec | None:
    """The rows that the service is asked with: labelled ones serve for both."""
    if adapter.data is None:
        return None
    config: dict[str, Any]
    if adapter.data.labelled is not None:
        file, _, label = adapter.data.labelled.rpartition(":")
        config = {"path": file, "label": label} if file else {"path": label}
    elif adapter.data.rows is not None:
        config = {"path": adapter.data.rows}
    else:
        return None
    path = Path(spec.base, config["path"])
    config["path"] = str(path)
    return DatasetSpec(OWN_ROWS, "file", config, spec.base, spec.source)


def _collapsed(scenario: Scenario, generated: set[str]) -> Scenario:
    """A matrix over algorithms, or over data that is generated elsewhere, has one cell for one deployed model."""
    gone = [
        name
        for name in _AXES
        if name in scenario.matrix and _is_generated(scenario.matrix[name], name, generated)
    ]
    if not gone:
        return scenario
    bare = scenario.id.partition("[")[0]
    left = {name: value for name, value in scenario.matrix.items() if name not in gone}
    title = scenario.title
    for name in gone:
        title = title.replace(str(scenario.matrix[name]), "the deployed model")
    matrix = {**scenario.matrix, **({"algorithm": DEPLOYED} if "algorithm" in gone else {})}
    return replace(scenario, id=bare + cell_id(left), title=title, matrix=matrix)


def _is_generated(value: Any, axis: str, generated: set[str]) -> bool:
    return axis == "algorithm" or value in generated


def _without_data(adapter: Adapter) -> str:
    return (
        "a deployed model is asked with rows of its own: say them in the service's block, "
        "`data: {labelled: FILE:COLUMN}`, or with --dataset NAME=FILE:COLUMN"
    )


def _without_labels(adapter: Adapter) -> str | None:
    """Why detection quality can't be judged: nobody says which rows are anomalies."""
    if adapter.data is not None and adapter.data.labelled is None and adapter.data.rows is not None:
        return "needs rows with true labels: `data: {labelled: FILE:COLUMN}` in the service's block"
    return None
