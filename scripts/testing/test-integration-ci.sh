#!/usr/bin/env bash
# The integration tests as a pipeline runs them: smoke first, then e2e and quality; further arguments go to `run`.
# Exit code: that of the first profile that does not pass. PostgreSQL and Redis are used where
# $PYNOMALY_TEST_DATABASE_URL and $PYNOMALY_TEST_REDIS_URL say where they are.
. "$(dirname "$0")/setup.sh"
pynomaly-itest doctor || echo "the doctor found something: see above" >&2
pynomaly-itest run -p smoke --report html,json,junit "$@"
pynomaly-itest run -p e2e --jobs "${JOBS:-2}" --report html,json,junit,markdown "$@"
pynomaly-itest run -p quality --report html,json,junit "$@"
