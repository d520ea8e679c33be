"""The RFC's own vectors, and what counts as the present."""

from __future__ import annotations

import pytest

from pynomaly.security.totp import code_at, matching_step, new_secret, provisioning_uri

SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_vectors_of_rfc_6238_appendix_b(now, code):
    assert code_at(SECRET, now, digits=8) == code
    assert code_at(SECRET, now) == code[-6:]


def test_one_step_of_drift_counts_and_two_do_not():
    now = 1_000_000 * 30 + 15
    for drift, expected in ((-60, None), (-30, 999_999), (0, 1_000_000), (30, 1_000_001), (60, None)):
        assert matching_step(SECRET, code_at(SECRET, now + drift), now, after=-1) == expected


def test_a_step_already_used_or_older_does_not_count():
    now = 1_000_000 * 30
    code = code_at(SECRET, now)
    assert matching_step(SECRET, code, now, after=999_999) == 1_000_000
    assert matching_step(SECRET, code, now, after=1_000_000) is None


@pytest.mark.parametrize("rubbish", ["", "1", "٣٣٣٣٣٣", "\ud800", "9" * 10_000])
def test_rubbish_is_no_code(rubbish):
    assert matching_step(SECRET, rubbish, 59, after=-1) is None


def test_secrets_are_long_and_all_different():
    assert len({new_secret() for _ in range(100)}) == 100
    assert len(new_secret()) == 20


def test_the_address_for_authenticators_escapes_names():
    uri = provisioning_uri(SECRET, "a+b@example.org", "my service")
    assert uri.startswith("otpauth://totp/my%20service%3Aa%2Bb%40example.org?secret=GEZDGNBVGY3TQOJQ")
