"""What `init` writes is valid as it is, whatever was answered, and nothing of the user's is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pynomaly_itest.cli.first_files import Ci, Wishes, files_for
from pynomaly_itest.cli.init import write
from pynomaly_itest.errors import UsageError
from pynomaly_itest.profile.loader import validate

URL = "http://127.0.0.1:8000"


@pytest.mark.parametrize("ci", list(Ci))
@pytest.mark.parametrize(
    ("url", "path", "said"),
    [
        (None, None, "run -p mine\n"),
        (URL, None, f"run -p mine --target {URL} --user ci"),
        (URL, "/it's: 1", f"run -p mine --target {URL}\n"),
    ],
)
def test_every_answer_gives_files_that_are_valid(
    tmp_path: Path, ci: Ci, url: str | None, path: str | None, said: str
) -> None:
    files = files_for(Wishes("mine", url, path, ci))
    write(files, tmp_path, force=False)
    assert validate([str(tmp_path / "profiles" / "mine.yaml")]) == []
    ci_files = [name for name in files if not name.startswith("profiles/")]
    assert len(ci_files) == (ci is not Ci.NONE)
    for name in ci_files:
        assert "@" not in files[name].replace("@v", "")
        if name.endswith(".yml"):
            assert yaml.safe_load(files[name])
        if ci is Ci.GITHUB:
            assert said in files[name]
        assert ("PASSWORD" in files[name]) is (url is not None and path is None and ci is not Ci.GITLAB)


def test_a_path_stands_in_the_profile_as_it_was_said(tmp_path: Path) -> None:
    path = '/a"b\\c: d'
    text = files_for(Wishes("mine", URL, path, Ci.NONE))["profiles/mine.yaml"]
    assert yaml.safe_load(text)["vars"]["path"] == path


@pytest.mark.parametrize(
    "wishes",
    [
        Wishes("two words"),
        Wishes("../up"),
        Wishes(url="ftp://x"),
        Wishes(url="http://user:secret@x"),
        Wishes(url="http://x:99999"),
        Wishes(url="http://x/'; rm -rf /"),
        Wishes(url="http://x/$(id)"),
        Wishes(url=URL, path="health"),
        Wishes(url=URL, path="/a#b"),
        Wishes(url=URL, path="/a\nb"),
    ],
)
def test_what_could_not_stand_in_a_file_is_refused(wishes: Wishes) -> None:
    with pytest.raises(UsageError) as refusal:
        files_for(wishes)
    assert "secret" not in str(refusal.value)


def test_nothing_is_overwritten_unless_it_is_asked_for(tmp_path: Path) -> None:
    mine = tmp_path / "profiles" / "mine.yaml"
    mine.parent.mkdir()
    mine.write_text("mine")
    (tmp_path / "profiles" / "profile.schema.json").write_text("{}")
    files = files_for(Wishes("mine"))
    with pytest.raises(UsageError, match=r"already there: profiles/mine\.yaml"):
        write(files, tmp_path, force=False)
    assert mine.read_text() == "mine"
    assert not (tmp_path / ".github").exists(), "all or nothing"
    write(files, tmp_path, force=True)
    assert mine.read_text() == files["profiles/mine.yaml"]
    write(files, tmp_path, force=False)  # the same again is no loss


def test_a_schema_that_is_there_is_kept(tmp_path: Path) -> None:
    schema = tmp_path / "profiles" / "profile.schema.json"
    schema.parent.mkdir()
    schema.write_text("{}")
    write(files_for(Wishes("mine")), tmp_path, force=False)
    assert schema.read_text() == "{}"
    assert (tmp_path / "profiles" / "mine.yaml").is_file()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("precious")
    (tmp_path / "Jenkinsfile").symlink_to(elsewhere)
    write(files_for(Wishes("mine", ci=Ci.JENKINS)), tmp_path, force=True)
    assert elsewhere.read_text() == "precious"
    assert not (tmp_path / "Jenkinsfile").is_symlink()
