"""What others wrote is shown as text: neither a terminal nor a CI server takes it for more."""

from __future__ import annotations

import pytest

from pynomaly_itest.plain import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("::error file=x::planted", "· ::error file=x::planted"),
        ("  \n::stop-commands::x", "·    ::stop-commands::x"),
        ("a kind ##[error]planted", "a kind ##·[error]planted"),
        ("##vso[task.setvariable variable=x]y", "##·vso[task.setvariable variable=x]y"),
        ("##teamcity[buildStop]", "##·teamcity[buildStop]"),
        ("std::vector, # of rows [3], ## a heading", "std::vector, # of rows [3], ## a heading"),
        ("\x1b[31mred\x07", "·[31mred·"),
    ],
)
def test_no_escape_and_no_command_is_left(text: str, shown: str) -> None:
    assert printable(text) == shown
