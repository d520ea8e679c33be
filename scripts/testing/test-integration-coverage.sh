#!/usr/bin/env bash
# Which lines of the bundled platform the e2e profile runs: reports/coverage/{coverage.xml,html}.
# Exit code: the run's, and 1 where fewer than $LEAST_PERCENT (85) of the lines ran.
. "$(dirname "$0")/setup.sh"
LEAST_PERCENT="${LEAST_PERCENT:-85}"
pynomaly-itest run -p e2e --coverage xml,html --report html,json,junit "$@"
rm -rf reports/coverage
cp -r reports/latest/coverage reports/coverage
share="$(sed -n 's/.*<coverage [^>]*line-rate="\([0-9.]*\)".*/\1/p' reports/coverage/coverage.xml | head -1)"
echo "share of the platform's lines that ran: $share, at least $LEAST_PERCENT %"
awk -v share="$share" -v least="$LEAST_PERCENT" 'BEGIN { exit !(share * 100 >= least) }'
