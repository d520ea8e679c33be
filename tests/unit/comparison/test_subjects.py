"""What `compare` takes for A and B, and where builds come from."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pynomaly_itest.comparison.builds import check_importable, from_wheel
from pynomaly_itest.comparison.subjects import BuildSubject, RunSubject, UrlSubject, check_apart, subject_of
from pynomaly_itest.errors import UsageError
from pynomaly_itest.target.build import Build


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def platform(folder: Path, text: str = "VERSION = 1\n") -> Path:
    (folder / "pynomaly").mkdir(parents=True)
    (folder / "pynomaly" / "__init__.py").write_text(text)
    return folder


def repository(folder: Path) -> str:
    """A repository with a platform in its first commit; gives the commit."""
    platform(folder)
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "one"]):
        subprocess.run(["git", *words], cwd=folder, check=True)  # noqa: S607 - the machine's git
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"],  # noqa: S607
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def build_of(text: str) -> Build:
    subject = subject_of(text)
    assert isinstance(subject, BuildSubject)
    return subject.build


def test_a_commit_is_unpacked_once_and_is_what_runs(tmp_path: Path) -> None:
    commit = repository(tmp_path)
    (tmp_path / "pynomaly" / "__init__.py").write_text("VERSION = 2\n")  # not committed
    build = build_of("git:HEAD")
    assert build.name == f"git {commit[:12]}"
    assert build.source is not None
    assert (build.source / "pynomaly" / "__init__.py").read_text() == "VERSION = 1\n"
    assert build_of(commit[:10]).source == build.source
    check_importable(build)


def test_a_commit_without_a_platform_is_refused(tmp_path: Path) -> None:
    repository(tmp_path)
    subprocess.run(["git", "rm", "-rqf", "pynomaly"], check=True)  # noqa: S607
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, "commit", "-q", "-m", "gone"], check=True)  # noqa: S607
    with pytest.raises(UsageError, match="has no folder pynomaly/"):
        build_of("HEAD")


def wheel(path: Path, name: str = "pynomaly/__init__.py") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, "VERSION = 3\n")
        archive.writestr("pynomaly_itest/__init__.py", "")
    return path


def test_of_a_wheel_only_the_platform_is_taken(tmp_path: Path) -> None:
    build = build_of(str(wheel(tmp_path / "pynomaly-1-py3-none-any.whl")))
    assert build.source is not None
    assert [path.name for path in build.source.iterdir()] == ["pynomaly"]
    check_importable(build)


@pytest.mark.parametrize("text", ["nothing.whl", "broken.whl", "empty.whl"])
def test_a_wheel_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "broken.whl").write_bytes(b"not a zip")
    wheel(tmp_path / "empty.whl", "another/__init__.py")
    with pytest.raises(UsageError):
        subject_of(text)
    assert not list((tmp_path / "cache").rglob("__init__.py"))


def test_a_name_that_leads_out_of_the_wheel_stays_in_it(tmp_path: Path) -> None:
    path = wheel(tmp_path / "evil.whl", "pynomaly/../../../evil.py")
    from_wheel(path, sys.executable)
    assert not list(tmp_path.glob("evil.py"))
    assert not (tmp_path / "cache" / "evil.py").exists()


def test_a_folder_with_a_platform_is_run_as_it_lies(tmp_path: Path) -> None:
    build = build_of(str(platform(tmp_path / "mine")))
    assert (build.source, build.name) == (tmp_path / "mine", "folder mine")


def test_settings_of_a_build() -> None:
    subject = subject_of("bundled?cache_ttl_s=5&workers=2", settings=["log_level=debug"])
    assert isinstance(subject, BuildSubject)
    assert subject.settings == {"cache_ttl_s": "5", "workers": "2", "log_level": "debug"}
    assert subject.label.endswith("?cache_ttl_s=5&workers=2&log_level=debug")


def test_a_secret_in_a_setting_is_not_in_the_label() -> None:
    subject = subject_of("bundled", settings=["database_url=postgresql://me:hunter22@127.0.0.1/x"])
    assert "hunter22" not in subject.label
    assert "hunter22" not in repr(subject)


def test_urls_and_runs(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.jsonl").touch()
    assert subject_of("http://127.0.0.1:1/") == UrlSubject("http://127.0.0.1:1")
    assert subject_of("run") == subject_of("run/run.jsonl") == RunSubject(Path("run"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("http://me:secret@x", "credentials"),
        ("no-such-thing", "nothing that can be compared"),
        ("--upload-pack=x", "nothing that can be compared"),
        (".", "without a run and without a platform"),
        ("bundled?workers", "name=value"),
        ("bundled?host=0.0.0.0", "own to choose"),
    ],
)
def test_what_can_not_be_compared_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        subject_of(text)


def test_a_build_that_is_not_what_runs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"imports .*pynomaly.* not"):
        check_importable(Build(source=tmp_path / "empty", name="empty"))
    with pytest.raises(UsageError, match="can't import"):
        check_importable(Build(source=platform(tmp_path / "bad", "1 / 0\n"), name="bad"))
    with pytest.raises(UsageError, match="does not start"):
        check_importable(Build(python=str(tmp_path / "no-python"), name="none"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://localhost:8000", "http://127.0.0.1:8000/"),
        ("http://[::1]:8000", "http://localhost:8000"),
        ("https://api.example.org", "https://API.example.org:443/"),
    ],
)
def test_one_service_is_not_held_against_itself(one: str, other: str) -> None:
    with pytest.raises(UsageError, match="the same service"):
        check_apart(subject_of(one), subject_of(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8001"),
        ("https://blue.example.org", "https://green.example.org"),
        ("http://127.0.0.1:8000/a", "http://127.0.0.1:8000/b"),
    ],
)
def test_two_services_are_two(one: str, other: str) -> None:
    assert check_apart(subject_of(one), subject_of(other)) is None


def test_one_build_twice_is_said_to_be_one() -> None:
    said = check_apart(subject_of("bundled"), subject_of("bundled"))
    assert said is not None
    assert "the same build" in said
    assert check_apart(subject_of("bundled"), subject_of("bundled?rate_limit_per_second=5")) is None
