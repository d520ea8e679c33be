"""`python -m pynomaly_itest` is `pynomaly-itest`."""

from pynomaly_itest.cli import main

main()
