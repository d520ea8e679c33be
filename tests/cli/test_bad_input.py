"""Whatever is wrong: one clear message that says where and how to mend it, the right exit code, no traceback."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import misbehaving
import pytest
from command_line import Finished, Itest, Platform

VALID = """
version: 1
name: mine
scenarios:
  - id: a
    steps: [{request: {path: /}, save: reply}]
    gates: [reply.status == 200]
"""


def refused(done: Finished, code: int, *words: str) -> None:
    assert done.code == code, done.text
    assert "Traceback" not in done.text
    for word in words:
        assert word in done.text, done.text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            VALID.replace("steps:", "stepz:"),
            ["unknown key 'stepz'", "did you mean 'steps'?", "mine.yaml:6:5", "^^^^^"],
        ),
        (VALID.replace("id: a", "id: [1]"), ["'id' must be a text, not a list", "mine.yaml:5"]),
        (VALID + "name: again\n", ["duplicate key 'name'", "mine.yaml:8"]),
        (VALID.replace("    steps", "\tsteps"), ["tab", "mine.yaml:6"]),
        (
            VALID.replace("reply.status", "reply.statsu"),
            ["'reply.statsu'", "did you mean 'status'?", "^^^^^^"],
        ),
        (VALID.replace("reply.status == 200", "reply.latency_ms.p95 <= 1"), ["mine.yaml:7"]),
        (VALID.replace("{request", "{requets"), ["unknown step 'requets'", "did you mean 'request'?"]),
        (VALID.replace("path: /", "path: 5"), ["'path' must be a text, not the number 5"]),
        (VALID.replace("reply.status == 200", "reply.status = 200"), ["mine.yaml:7", "^"]),
        (VALID.replace("  - id: a", "  - id: a\n    matrix: {x: []}"), ["mine.yaml:6"]),
        (VALID.replace("name: mine", "name: mine\nextends: [./mine.yaml]"), ["extends itself"]),
        (VALID.replace("name: mine", "name: mine\nextends: [../../etc/passwd]"), ["mine.yaml:4"]),
        ("&a [" * 3 + "]", ["mine.yaml:2"]),
        ("", ["mine.yaml"]),
        ("just text", ["mine.yaml:1"]),
        (VALID.replace("version: 1", "version: 99"), ["version", "mine.yaml:2"]),
        (
            VALID.replace("scenarios:", "datasets: {d: {kind: gausian, rows: 5}}\nscenarios:"),
            ["did you mean 'gaussian'?"],
        ),
    ],
)
def test_a_profile_with_a_mistake_is_told_with_line_and_caret(
    itest: Itest, text: str, words: list[str]
) -> None:
    profile = itest.profile(text)
    refused(itest("validate", profile), 2, *words)
    refused(itest("run", "-p", profile), 2, *words)
    assert not (itest.folder / "reports").exists()


def test_every_mistake_is_told_at_once(itest: Itest) -> None:
    text = VALID.replace("status ==", "statsu ==").replace("version: 1", "version: x")
    done = itest("validate", itest.profile(text + "  - {id: b, steps: [{request: {pat: /}}]}\n"))
    refused(done, 2, "unknown key 'pat'", "'reply.statsu'", "'version' should be 1", "4 mistakes")


def test_an_alias_bomb_ends_at_once(itest: Itest) -> None:
    lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    lines += [f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)]
    refused(itest("validate", itest.profile("\n".join(lines)), timeout_s=20), 2, "alias")


def test_a_profile_of_10_mb_is_refused_by_its_size(itest: Itest) -> None:
    refused(
        itest("validate", itest.profile(VALID + "#" * 10_000_000)), 2, "mine.yaml is larger than 1,000 kB"
    )


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (["-p", "nowhere.yaml"], 2, ["nowhere.yaml"]),
        (["-p", "perfomance"], 2, ["did you mean 'performance'?"]),
        (
            ["-p", "smoke", "--set", "benchmarks.detection_latency=5"],
            2,
            ["did you mean", "detection_latency_ms"],
        ),
        (["-p", "smoke", "--set", "nonsense"], 2, ["--set"]),
        (["-p", "smoke", "--dataset", "anomalous=nowhere.csv"], 2, ["nowhere.csv"]),
        (["-p", "smoke", "--dataset", "anomalus=/dev/null"], 2, ["anomal"]),
        (["-p", "smoke", "-m", "smoke and"], 2, ["-m"]),
        (["-p", "smoke", "--target", "bundeld"], 2, ["bundeld", "http://"]),
        (["-p", "smoke", "--target", "ftp://127.0.0.1"], 2, ["ftp", "http://"]),
        (
            ["-p", "smoke", "--target", "http://u:hunter2@127.0.0.1:1"],
            2,
            ["credentials", "PYNOMALY_ITEST_PASSWORD"],
        ),
        (["-p", "smoke", "--target", "http://127.0.0.1:1", "--user", "me"], 2, ["PYNOMALY_ITEST_PASSWORD"]),
        (["-p", "smoke", "--inconclusive", "maybe"], 2, ["--inconclusive"]),
        (["-p", "smoke", "--report", "pdf"], 2, ["pdf"]),
        (["-p", "smoke", "--jobs", "0"], 2, ["jobs"]),
        (["-p", "smoke", "--scenario", "mainpath"], 5, ["did you mean 'main-path'?"]),
        ([], 2, ["--profile"]),
    ],
)
def test_wrong_flags_are_told(itest: Itest, flags: list[str], code: int, words: list[str]) -> None:
    done = itest("run", *flags)
    refused(done, code, *words)
    assert "hunter2" not in done.text


def test_an_unreachable_url_is_exit_3(itest: Itest) -> None:
    done = itest("run", "-p", "smoke", "--target", f"http://127.0.0.1:{misbehaving.closed_port()}")
    refused(done, 3, "nothing answers at", "connection refused")
    assert {scenario["verdict"] for scenario in done.run["scenarios"]} == {"error"}


def test_a_url_that_answers_html_is_not_the_service(itest: Itest) -> None:
    with misbehaving.serving(misbehaving.html) as url:
        refused(
            itest("run", "-p", "smoke", "--target", url), 3, "does not look like the platform", "text/html"
        )


def test_a_url_that_answers_500_is_red(itest: Itest) -> None:
    with misbehaving.serving(misbehaving.failing) as url:
        refused(itest("run", "-p", "smoke", "--target", url), 1, "500")


def test_a_url_that_hangs_is_exit_3_within_its_patience(itest: Itest) -> None:
    with misbehaving.serving(misbehaving.hanging) as url:
        refused(itest("run", "-p", "smoke", "--target", url, timeout_s=40), 3, "no answer within")


def test_a_target_that_hangs_later_fails_the_step_and_the_run_goes_on(itest: Itest) -> None:
    def behave(head: str, connection: misbehaving.Connection) -> None:
        if "/hang" in head:
            misbehaving.hanging(head, connection)
        else:
            connection.answer(200, "{}")

    profile = itest.profile(
        """
version: 1
name: x
scenarios:
  - {id: hangs, steps: [{request: {path: /hang, timeout_s: 0.3}}]}
  - {id: goes-on, steps: [{request: {path: /}}]}
"""
    )
    with misbehaving.serving(behave) as url:
        done = itest("run", "-p", profile, "--target", url)
    refused(done, 1, "answer within 0.3 s")
    assert [scenario["verdict"] for scenario in done.run["scenarios"]] == ["failed", "passed"]


def test_wrong_credentials_are_not_the_targets_fault(itest: Itest, platform: Platform) -> None:
    done = itest(
        "run", "-p", "smoke", "--scenario", "main-path", *platform.flags, PYNOMALY_ITEST_PASSWORD="wrong-one"
    )
    refused(done, 4, "refused the login of 'root-user'")
    assert "wrong-one" not in done.text


GOOD_ROWS = "\n".join(f"{n % 7},{n % 5}.5" for n in range(50))


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"a,b\n1,2\n3\n", 2, ["data.csv:3"]),
        (b"a,b\n", 2, ["data.csv", "no rows"]),
        (b"", 2, ["data.csv"]),
        (b"\xff\xfe\x00\x01", 2, ["data.csv"]),
        (f"1,2.5\n{GOOD_ROWS}\n".encode(), 2, ["data.csv", "header"]),
        (f"\ufeffa,b\n{GOOD_ROWS}\n".encode(), 0, []),
        (f"a,b\n{GOOD_ROWS}\nnan,1\n".encode(), 2, ["data.csv:52", "missing: drop"]),
        (f"a,b\n{GOOD_ROWS}\nsome text,1\n".encode(), 2, ["data.csv:52", "'some text'"]),
        (("a,b\n" + "\n".join(f"{n % 9},1" for n in range(50)) + "\n").encode(), 0, []),
    ],
    ids=["ragged", "no-rows", "empty", "binary", "no-header", "bom", "nan", "text", "constant-column"],
)
def test_a_csv_is_used_or_refused_before_anything_starts(
    itest: Itest, platform: Platform, content: bytes, code: int, words: list[str]
) -> None:
    profile = itest.profile(
        """
version: 1
name: csv
datasets: {data: {kind: file, path: data.csv}}
scenarios:
  - id: path
    steps:
      - upload_dataset: {dataset: data}
        save: dataset
      - create_detector: {algorithm: isolation_forest}
        save: detector
      - train_detector: {detector: "${{ detector.id }}", dataset: "${{ dataset.id }}"}
      - detect: {detector: "${{ detector.id }}", dataset: "${{ dataset.id }}"}
"""
    )
    (itest.folder / "data.csv").write_bytes(content)
    done = itest("run", "-p", profile, *platform.flags, **platform.variables)
    refused(done, code, *words)


def test_a_csv_of_200_000_rows_goes_through(itest: Itest, platform: Platform) -> None:
    profile = itest.profile(
        "version: 1\nname: big\ndatasets: {data: {kind: file, path: data.csv}}\nscenarios:\n"
        "  - {id: up, steps: [{upload_dataset: {dataset: data}, expect: [n_samples == 200000]}]}\n"
    )
    rows = "\n".join(f"{n % 97},{n % 89}.25,{n % 83}" for n in range(200_000))
    (itest.folder / "data.csv").write_text(f"a,b,c\n{rows}\n")
    refused(itest("run", "-p", profile, *platform.flags, **platform.variables), 0)


def test_a_folder_that_is_a_file_is_told_before_anything_starts(itest: Itest) -> None:
    (itest.folder / "reports").write_text("in the way")
    refused(itest("run", "-p", "smoke"), 2, "--out")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up its rights to another user")
def test_a_folder_without_permission_is_told_before_anything_starts(itest: Itest, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    code = (
        "import os, sys\nfrom pynomaly_itest.cli.folders import make_folder\n"
        "from pynomaly_itest.errors import UsageError\nfrom pathlib import Path\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: make_folder(Path(sys.argv[1]) / 'reports', 'x')\n"
        "except UsageError as problem: print(problem.message); sys.exit(problem.exit_code)\n"
    )
    import sys

    tmp_path.chmod(0o755)
    for parent in tmp_path.parents:
        if parent.stat().st_uid == os.getuid() and "pytest" in parent.name:
            parent.chmod(0o755)
    done = subprocess.run([sys.executable, "-c", code, str(locked)], capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert "can't make" in done.stdout
    assert "Permission denied" in done.stdout


def without_coverage(variables: dict[str, str]) -> dict[str, str]:
    """Coverage would want to write its own data at the end, beyond the limit that is the test's point."""
    return {name: value for name, value in variables.items() if not name.startswith("COV")}


def test_a_disk_that_fills_up_is_never_a_pass(itest: Itest, platform: Platform) -> None:
    """A small file size limit cuts the log off as a full disk does."""
    import resource
    import sys

    from command_line import environment

    done = subprocess.run(
        [sys.executable, "-m", "pynomaly_itest", "run", "-p", "smoke", *platform.flags],
        cwd=itest.folder,
        env=without_coverage(environment(**platform.variables)),
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000)),
    )
    assert done.returncode == 4, done.stdout + done.stderr
    assert "could not be written" in done.stdout
    assert "(exit 4)" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    (log,) = (itest.folder / "reports").glob("2*/run.jsonl")
    assert 0 < log.stat().st_size <= 6000
    again = itest("report", "reports/latest", "--format", "json")
    assert again.code == 4, again.text


def test_a_gate_that_cannot_pass_is_a_warning_and_with_strict_an_error(itest: Itest) -> None:
    step = "{load: {request: {path: /}, rate: 20/s, duration: 12s}, save: reply}"
    text = VALID.replace("{request: {path: /}, save: reply}", step)
    profile = itest.profile(text.replace("reply.status == 200", "reply.latency_ms.p99 <= 1s"))
    done = itest("validate", profile)
    assert done.code == 0, done.text
    assert done.out == f"valid: {profile}\n"
    for words in ("warning: ", "needs at least 459 samples", "about 240", "raise duration to 25 s", "^^^"):
        assert words in done.err
    refused(itest("validate", "--strict", profile), 2, "459", "1 warning")
    shown = itest("run", "-p", profile, "--dry-run")
    assert shown.code == 0, shown.text
    assert "gets about 240 samples; needs 459 at best" in shown.out
    assert "it can't pass with so few: raise duration to 25 s" in shown.out


@pytest.mark.parametrize("name", ["smoke", "e2e", "performance", "security", "stress", "quality"])
def test_the_shipped_profiles_give_no_warning(itest: Itest, name: str) -> None:
    assert itest("validate", "--strict", name).code == 0
