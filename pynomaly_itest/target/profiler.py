"""A flame graph of the bundled platform while the run goes on: py-spy, from outside, without slowing it much."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from pynomaly_itest.errors import UsageError

_SAMPLES_PER_SECOND = 100
_PATIENCE_S = 30.0


@dataclass
class Profiler:
    """Samples a process and its children from `start` to `stop`; `flame_graph` is an SVG to open in a browser."""

    flame_graph: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @staticmethod
    def program() -> str:
        """Where py-spy is; raises UsageError where it isn't."""
        beside = Path(sys.executable).with_name("py-spy")
        found = str(beside) if beside.is_file() else shutil.which("py-spy")
        if found is None:
            raise UsageError("--profiler needs py-spy", hint="pip install 'pynomaly-itest[profiler]'")
        return found

    def start(self, pid: int) -> None:
        """Begin to sample the process tree below `pid`."""
        command = [self.program(), "record", "--pid", str(pid), "--subprocesses", "--nonblocking"]
        command += [
            "--rate",
            str(_SAMPLES_PER_SECOND),
            "--output",
            str(self.flame_graph),
            "--format",
            "flamegraph",
        ]
        self._process = subprocess.Popen(  # noqa: S603 - the sampler that was asked for
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def stop(self) -> str | None:
        """End the sampling; why there is no flame graph, or None where there is one."""
        process, self._process = self._process, None
        if process is None:
            return None
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        try:
            out, _ = process.communicate(timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return "no flame graph: py-spy did not end"
        if self.flame_graph.is_file() and self.flame_graph.stat().st_size:
            return None
        said = out.decode(errors="replace").strip().splitlines()
        return f"no flame graph: {said[-1][:200] if said else 'py-spy said nothing'}"
