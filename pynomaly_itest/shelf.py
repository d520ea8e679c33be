"""The run's datasets: each made once, off the event loop, and shared by all scenarios."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from pynomaly_itest.datasets.base import Dataset
from pynomaly_itest.datasets.materialize import materialize
from pynomaly_itest.errors import UsageError
from pynomaly_itest.profile.model import DatasetSpec
from pynomaly_itest.registry import did_you_mean


@dataclass
class Shelf:
    """Gives out datasets by the profile's names."""

    specs: Mapping[str, DatasetSpec]
    _made: dict[str, asyncio.Task[Dataset]] = field(default_factory=dict)

    async def take(self, name: str) -> Dataset:
        """The dataset called `name`; raises UsageError where there is none, or its file is no good."""
        if name not in self.specs:
            raise UsageError(f"the profile has no dataset {name!r}", hint=did_you_mean(name, self.specs))
        if name not in self._made:
            self._made[name] = asyncio.create_task(asyncio.to_thread(materialize, self.specs[name]))
        return await asyncio.shield(self._made[name])
