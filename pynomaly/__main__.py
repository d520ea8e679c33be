"""`python -m pynomaly` is the command `pynomaly`."""

from pynomaly.cli import main

if __name__ == "__main__":
    main()
