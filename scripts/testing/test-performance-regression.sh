#!/usr/bin/env bash
# Whether the platform is as fast as it has to be, and as it was: the performance profile against its benchmarks, alone on
# the machine; then, where $PYNOMALY_TEST_BASELINE names a git ref or a wheel, this build against that one, both measured
# anew in pairs of fresh processes. $PYNOMALY_TEST_MAX_LATENCY_MS and $PYNOMALY_TEST_MIN_THROUGHPUT set limits of one's own;
# further arguments go to `run` (--set benchmarks.detection_latency_ms=50). Exit code: 1 where a benchmark is not kept or
# the build is slower, 4 where it can't be told.
. "$(dirname "$0")/setup.sh"
pynomaly-itest run -p performance -m performance --report html,json,junit,markdown "$@"
if [ -n "${PYNOMALY_TEST_BASELINE:-}" ]; then
  pynomaly-itest compare "$PYNOMALY_TEST_BASELINE" HEAD --budget "${PYNOMALY_TEST_COMPARE_BUDGET:-300s}"
fi
