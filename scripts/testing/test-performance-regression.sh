#!/usr/bin/env bash
# Whether the platform is as fast as it has to be: the performance profile against its benchmarks, alone on the machine.
# $PYNOMALY_TEST_MAX_LATENCY_MS and $PYNOMALY_TEST_MIN_THROUGHPUT set limits of one's own; further arguments go to
# `run` (--set benchmarks.detection_latency_ms=50). Exit code: 1 where a benchmark is not kept, 4 where it can't be told.
. "$(dirname "$0")/setup.sh"
pynomaly-itest run -p performance -m performance --report html,json,junit,markdown "$@"
