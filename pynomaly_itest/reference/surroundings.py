"""Pages of what surrounds a run: default benchmarks and environment variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pynomaly_itest.profile.settings import DEFAULT_BENCHMARKS
from pynomaly_itest.reference.page import Code, Page, section
from pynomaly_itest.shapes import unit_of

BENCHMARKS: Mapping[str, str] = {
    "detection_latency_ms": "a detection's p95, at most",
    "training_time_seconds": "a training, at most",
    "memory_usage_mb": "the target's resident memory, at most",
    "throughput_samples_per_second": "rows scored a second, at least",
    "cache_hit_rate": "share of repeated questions that the cache answers, at least",
    "accuracy_threshold": "accuracy, at least",
    "precision_threshold": "precision, at least",
    "recall_threshold": "recall, at least",
}

VARIABLES: Mapping[str, str] = {
    "PYNOMALY_ITEST_TARGET": "The target where `--target` says none: bundled, inprocess or a URL.",
    "PYNOMALY_ITEST_PASSWORD": "The password of the account that `--user` names.",
    "PYNOMALY_ITEST_TOKEN": "A bearer token in place of a login.",
    "PYNOMALY_ITEST_KEY_PASSWORD": "The password of the key that --key or the profile's `tls` names.",
    "PYNOMALY_ITEST_API_KEY": "An API key, sent as `X-API-Key`, in place of a login.",
    "PYNOMALY_ITEST_OTHER_TENANT_USER": "An administrator of another tenant, for scenarios across the border.",
    "PYNOMALY_ITEST_OTHER_TENANT_PASSWORD": "That administrator's password.",
    "PYNOMALY_ITEST_<ACTOR>_USERNAME": (
        "An account for security probes on a URL, where none may be made for the run. ACTOR is USER_A, PEER (same "
        "tenant, same role), VIEWER (may only read) or USER_B (another tenant)."
    ),
    "PYNOMALY_ITEST_<ACTOR>_PASSWORD": "That account's password.",
    "PYNOMALY_ITEST_<ACTOR>_TOKEN": "A bearer token of that account, in place of the two.",
    "PYNOMALY_ITEST_SIGNING_KEY": "The key with which a test deployment signs tokens, for probes that forge them.",
    "PYNOMALY_ITEST_WEBHOOK_URL": (
        "With `run --every`: where a change of the verdict is told, as JSON. https to a public address, or this "
        "machine; it is never shown, and the reply is not read."
    ),
    "PYNOMALY_ITEST_BASELINES": "Where baselines are kept, if not in `baselines/`.",
    "PYNOMALY_ITEST_PLATFORM": "The command that serves the bundled platform, to put another build to the test.",
    "PYNOMALY_TEST_DATABASE_URL": "A PostgreSQL for the bundled platform, in place of SQLite.",
    "PYNOMALY_TEST_REDIS_URL": "A Redis for the bundled platform, in place of the cache in memory.",
    "PYNOMALY_TEST_DATA_DIR": "Where datasets' files are looked for, too; as `--data-dir`.",
    "PYNOMALY_TEST_MAX_LATENCY_MS": "The benchmark `detection_latency_ms`.",
    "PYNOMALY_TEST_MIN_THROUGHPUT": "The benchmark `throughput_samples_per_second`.",
    "NO_COLOR": "No colours on the screen; as `--no-color`.",
    "GITHUB_ACTIONS": "Set by GitHub: annotations and the step's summary are then written by themselves.",
}
"""Every variable that the tool reads; those of the platform are on its own page."""

_STRENGTH = (
    "Strongest first: command line, environment, scenario, profile, extended profile, default. "
    "`--dry-run` shows each."
)


def benchmarks() -> Iterator[Page]:
    """Each default benchmark."""
    for name, value in DEFAULT_BENCHMARKS.items():
        unit = unit_of(name)
        shown = f"{value:g}" + ("" if unit in (None, "1") else f" {unit}")
        yield Page(
            "benchmark",
            name,
            BENCHMARKS[name],
            (
                *section("Default", shown),
                *section(
                    "Change it",
                    Code(f"benchmarks: {{{name}: {value:g}}}"),
                    f"Or `--set benchmarks.{name}=…`. {_STRENGTH}",
                ),
            ),
            also=(f"benchmarks.{name}",),
        )


def variables() -> Iterator[Page]:
    """Each environment variable."""
    for name, what in VARIABLES.items():
        yield Page("variable", name, what, also=(f"${name}",))
