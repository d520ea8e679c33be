"""YAML at event level: scalars, places, limits, and one clear mistake for each thing that is refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynomaly_itest.errors import ProfileError
from pynomaly_itest.profile.nodes import MappingNode, plain
from pynomaly_itest.profile.yaml_reader import MOST_BYTES, parse_yaml, read_yaml


def value(text: str) -> Any:
    return plain(parse_yaml(text.encode(), "p.yaml"))


def refusal(data: bytes) -> str:
    with pytest.raises(ProfileError) as caught:
        parse_yaml(data, "p.yaml")
    return "\n".join(mistake.render() for mistake in caught.value.mistakes)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("12", 12),
        ("-3", -3),
        ("010", 10),
        ("0x1F", 31),
        ("0o17", 15),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        (".nan", ".nan"),
        ("'12'", "12"),
        ('"true"', "true"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, expected: object) -> None:
    read = value(f"a: {text}")["a"]
    assert read == expected
    assert type(read) is type(expected)


def test_values_know_where_they_stand() -> None:
    document = parse_yaml(b"a:\n  - x: 'quoted'\n", "p.yaml")
    assert isinstance(document, MappingNode)
    inner = document.entries["a"].items[0]  # type: ignore[union-attr]
    key, scalar = inner.key_source("x").place, inner.entries["x"].source.place
    assert (key.line, key.column, key.length) == (2, 5, 1)
    assert (scalar.line, scalar.column, scalar.length) == (2, 9, 6)


def test_a_duplicate_key_is_shown_at_its_second_place() -> None:
    assert refusal(b"a: 1\nb: 2\na: 3\n") == (
        "error: duplicate key 'a'\n  --> p.yaml:3:1\n  |\n3 | a: 3\n  | ^ it stands on line 1 already"
    )


def test_a_tab_that_indents_is_named() -> None:
    shown = refusal(b"a:\n\tb: 1\n")
    assert shown.startswith("error: a tab can't indent\n  --> p.yaml:2:1\n")
    assert shown.endswith("^ use spaces")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "p.yaml is empty"),
        (b"# a remark\n", "p.yaml is empty"),
        (b"a: 1\n---\nb: 2\n", "a second document begins here"),
        (b"a: b: c", "this is no YAML: mapping values are not allowed in this context"),
        (b"a: [1", "this is no YAML"),
        (b"a: 'x", "this is no YAML"),
        (b"a: !!python/object:os.system x", "tags such as"),
        (b"<<: {a: 1}", "merge keys are not allowed"),
        (b"? [a]\n: b", "a key must be a plain text"),
        (b"a: *b", "nothing is anchored as 'b' before this"),
        (b"a: &x [*x]", "nothing is anchored as 'x' before this"),
        (b"a: \x01", "the character U+0001 is not allowed"),
        (b"a: 1e999", "the number is too large"),
        (b"[" * 5000, "values stand more than 30 deep"),
        (b"a: \xff\n", "this is not UTF-8 text"),
        ("a: 1".encode("utf-16"), "this is not UTF-8 text"),
        (b"- x\n" * 60_000, "the document has more than 50,000 values"),
        (b"x" * (MOST_BYTES + 1), "p.yaml is larger than 1,000 kB"),
    ],
)
def test_what_is_refused_says_why(data: bytes, message: str) -> None:
    assert refusal(data).startswith(f"error: {message}")


def test_an_alias_bomb_goes_off_in_nobodys_memory() -> None:
    lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    for before, name in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]")
    assert "the aliases make the document too large" in refusal("\n".join(lines).encode())


def test_aliases_are_taken_in_moderation() -> None:
    assert value("a: &x [1, 2]\nb: *x\n") == {"a": [1, 2], "b": [1, 2]}


def test_a_byte_order_mark_is_passed_over() -> None:
    assert plain(parse_yaml(b"\xef\xbb\xbfa: 1", "p.yaml")) == {"a": 1}


def test_several_duplicates_are_told_at_once() -> None:
    assert refusal(b"a: 1\na: 2\nb: {c: 1, c: 2}\n").count("duplicate key") == 2


def test_files_that_are_none(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, message in (
        (tmp_path / "nobody.yaml", "there is no file"),
        (tmp_path, "is a folder"),
        (pipe, "is not a regular file"),
    ):
        with pytest.raises(ProfileError) as caught:
            read_yaml(path)
        assert message in caught.value.mistakes[0].message


@given(
    st.one_of(
        st.binary(max_size=80), st.text(alphabet="a:-[]{}&*!|>'\"\n\t #?,01", max_size=60).map(str.encode)
    )
)
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    shown = ["read"]
    try:
        plain(parse_yaml(data, "p.yaml"))
    except ProfileError as problem:
        shown = [mistake.render() for mistake in problem.mistakes]
    assert shown
    assert all(shown)
