"""The real platform without some of its use cases: `python platform_without.py "POST /path,…" serve …`.

Run as a process of its own: it takes the routes out of the table before anything is built.
"""

from __future__ import annotations

import sys


def main() -> None:
    removed = {tuple(route.split(" ", 1)) for route in sys.argv.pop(1).split(",")}
    from pynomaly.api import routes

    known = {(endpoint.method, endpoint.path) for endpoint in routes.ENDPOINTS}
    if not removed <= known:
        raise SystemExit(f"there are no such routes: {removed - known}")
    routes.ENDPOINTS[:] = [each for each in routes.ENDPOINTS if (each.method, each.path) not in removed]
    from pynomaly.cli import main as run

    run()


if __name__ == "__main__":
    main()
