"""The run's datasets: each made once, off the event loop, and shared by all scenarios."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from pynomaly_itest.datasets.base import Dataset
from pynomaly_itest.datasets.materialize import materialize
from pynomaly_itest.errors import UsageError
from pynomaly_itest.profile.model import DatasetSpec, Plan
from pynomaly_itest.registry import did_you_mean


def read_files(plan: Plan) -> dict[str, Dataset]:
    """The plan's datasets that come from files: read before anything starts, as they may be no good.

    Raises UsageError with file, line and mend.
    """
    specs = [plan.datasets[name] for name in plan.needed_datasets]
    return {spec.name: materialize(spec) for spec in specs if spec.kind == "file"}


@dataclass
class Shelf:
    """Gives out datasets by the profile's names; those from files are there already."""

    specs: Mapping[str, DatasetSpec]
    read: Mapping[str, Dataset] = field(default_factory=dict)
    _made: dict[str, asyncio.Task[Dataset]] = field(default_factory=dict)

    async def take(self, name: str) -> Dataset:
        """The dataset called `name`; raises UsageError where there is none, or its file is no good."""
        if name in self.read:
            return self.read[name]
        if name not in self.specs:
            raise UsageError(f"the profile has no dataset {name!r}", hint=did_you_mean(name, self.specs))
        if name not in self._made:
            self._made[name] = asyncio.create_task(asyncio.to_thread(materialize, self.specs[name]))
        return await asyncio.shield(self._made[name])
