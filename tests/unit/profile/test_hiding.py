"""A profile of the working folder that hides one of the tool's is used, and said to be."""

from __future__ import annotations

from pathlib import Path

from pynomaly_itest.profile.finder import ProfileFolders, hiding


def folders(tmp_path: Path) -> ProfileFolders:
    for name in ("here", "tools"):
        (tmp_path / name).mkdir()
    (tmp_path / "tools" / "smoke.yaml").write_text("")
    return ProfileFolders((tmp_path / "here", tmp_path / "tools"))


def test_a_profile_that_hides_the_tools_own_is_told(tmp_path: Path) -> None:
    where = folders(tmp_path)
    planted = tmp_path / "here" / "smoke.yml"
    planted.write_text("")
    told = hiding([planted], where)
    assert told == [f"{planted} is used; it hides the profile 'smoke' that the tool brings"]


def test_a_profile_of_another_name_and_the_tools_own_hide_nothing(tmp_path: Path) -> None:
    where = folders(tmp_path)
    own = tmp_path / "here" / "mine.yaml"
    own.write_text("")
    assert hiding([own, tmp_path / "tools" / "smoke.yaml"], where) == []


def test_in_a_checkout_where_both_folders_are_one_nothing_is_hidden(tmp_path: Path) -> None:
    where = folders(tmp_path)
    (tmp_path / "here").rmdir()
    (tmp_path / "here").symlink_to(tmp_path / "tools")
    assert hiding([tmp_path / "here" / "smoke.yaml"], where) == []
