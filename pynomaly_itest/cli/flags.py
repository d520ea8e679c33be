"""The flags of `run`, by what they are about: what to run, against what, how, what comes of it, what it may do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pynomaly_itest.cli.completion import profiles, scenarios, some_probes, tags

# which scenarios
Profiles = Annotated[
    list[str],
    typer.Option("--profile", "-p", help="A profile's name or file; repeatable.", autocompletion=profiles),
]
Tags = Annotated[
    str | None,
    typer.Option("--tags", "-m", help='Tags: "performance and not slow".', autocompletion=tags),
]
Words = Annotated[
    str | None,
    typer.Option("--words", "-k", help='Words of id, title or tags: "upload and not (csv or slow)".'),
]
Scenarios = Annotated[
    list[str] | None, typer.Option(help="A scenario's id; repeatable.", autocompletion=scenarios)
]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="benchmarks.detection_latency_ms=50")
]
Datasets = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=FILE[:LABEL]", help="Use a file as a dataset of the profile."),
]
DataDir = Annotated[Path | None, typer.Option(help="Where datasets' files are looked for, too.")]
Quick = Annotated[bool, typer.Option("--quick", help="Shorter, as the profile says under `quick`.")]
Repeat = Annotated[
    int, typer.Option(min=1, max=1000, help="Run every scenario so many times; in a loop: so many rounds.")
]
Shuffle = Annotated[
    bool, typer.Option("--shuffle", help="Run the scenarios in an order that --seed decides.")
]
Seed = Annotated[int, typer.Option(help="Seed of every random choice.")]

# against what
TargetName = Annotated[
    str, typer.Option("--target", help="bundled, inprocess, or a URL.", envvar="PYNOMALY_ITEST_TARGET")
]
ServiceFile = Annotated[
    Path | None,
    typer.Option("--service", metavar="FILE", help="How the service is spoken to: a `service:` block."),
]
User = Annotated[
    str | None, typer.Option(help="Log in as; the password comes from $PYNOMALY_ITEST_PASSWORD.")
]
Ca = Annotated[
    Path | None,
    typer.Option("--ca", metavar="FILE", help="Authorities (PEM) to trust instead of the system's."),
]
Cert = Annotated[
    Path | None, typer.Option("--cert", metavar="FILE", help="Our own certificate (PEM), for the target.")
]
Key = Annotated[
    Path | None, typer.Option("--key", metavar="FILE", help="Its key, where it is not in the same file.")
]
Isolate = Annotated[
    bool, typer.Option("--isolate", help="A platform of its own for every scenario (bundled target).")
]
CoverageFormats = Annotated[
    str | None, typer.Option(help="xml, html: which lines of the bundled platform ran.")
]
Profiler = Annotated[
    bool, typer.Option("--profiler", help="A flame graph of the bundled platform's process.")
]

# how
Jobs = Annotated[int, typer.Option(min=1, max=64, help="Scenarios side by side (timed ones run alone).")]
MaxFail = Annotated[int | None, typer.Option(min=1, help="Stop after so many failed scenarios.")]
Timeout = Annotated[float | None, typer.Option(min=0.1, help="Seconds for the whole run.")]
Inconclusive = Annotated[str, typer.Option(help="fail or pass: what an inconclusive run exits with.")]
Every = Annotated[
    str | None,
    typer.Option(
        metavar="TIME", help="Again on every beat of 30s, 5m, 1h, until Ctrl-C or --repeat is reached."
    ),
]
UntilFailure = Annotated[
    bool,
    typer.Option("--until-failure", help="Again until a run does not pass; --repeat and --timeout bound it."),
]
Keep = Annotated[int, typer.Option(min=1, help="How many rounds of such a loop stay in the reports' folder.")]
MetricsPort = Annotated[
    int | None,
    typer.Option(min=0, max=65535, help="Serve the rounds' OpenMetrics at this port of 127.0.0.1."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan and each effective value.")]

# what comes out of it
Report = Annotated[str, typer.Option(help="html, json, junit, … separated by commas.")]
Out = Annotated[Path, typer.Option(help="Where runs land.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only the verdict.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Each step and each request as it ends.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours; so does $NO_COLOR.")]
LogLevel = Annotated[
    str, typer.Option(help="DEBUG, INFO, WARNING, ERROR; requests and replies at DEBUG, redacted.")
]
LogFormat = Annotated[str, typer.Option(help="text or json.")]
ResumeFrom = Annotated[Path | None, typer.Option(hidden=True)]

# what it is held against
BaselineName = Annotated[
    str | None, typer.Option("--baseline", metavar="NAME|FILE", help="Hold the run against a kept one.")
]
SaveBaseline = Annotated[
    str | None, typer.Option("--save-baseline", metavar="NAME", help="Keep the run, if it passes.")
]
StoredLatency = Annotated[
    bool,
    typer.Option(
        "--allow-stored-latency", help="Judge times by stored ones too, which differ by 22 to 46 % by chance."
    ),
]
BaselineBudget = Annotated[
    str, typer.Option("--baseline-budget", help="How long both builds are measured anew at most: 120s.")
]
BaselineFolder = Annotated[
    Path,
    typer.Option("--baselines", help="Where baselines are kept.", envvar="PYNOMALY_ITEST_BASELINES"),
]

# what it may do
RequireChecks = Annotated[
    str | None,
    typer.Option(
        "--require-checks",
        metavar="SEVERITY",
        help="Inconclusive where a check of this severity (or worse) was not made: critical, high, medium, low.",
    ),
]
FailOn = Annotated[
    str, typer.Option(help="critical, high, medium or low: findings from here on fail the run.")
]
Probes = Annotated[
    list[str] | None,
    typer.Option(help="Only these security probes, by id or family; repeatable.", autocompletion=some_probes),
]
AllowDisruptive = Annotated[
    bool, typer.Option("--allow-disruptive", help="Probes that may lock accounts of ours or slow the target.")
]
WaiversFile = Annotated[
    Path | None, typer.Option("--waivers", help="A file of findings that somebody answers for.")
]
AuthorisationsFile = Annotated[
    Path | None,
    typer.Option("--authorisations", help="A file that permits security and load tests beyond this machine."),
]
