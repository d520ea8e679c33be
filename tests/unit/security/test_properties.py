"""Whatever is sent: a parser answers or refuses in its own words, and nothing else happens."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pynomaly.domain.errors import InvalidInput, Misconfigured, Unauthenticated
from pynomaly.security.client_address import client_address, limit_key, trusted_networks
from pynomaly.security.foundation import normalised, require_good_username
from pynomaly.security.keyring import KeySet
from pynomaly.security.legible import legible, legible_details

any_text = st.text(st.characters(exclude_categories=()), max_size=300)
token_like = st.from_regex(r"[A-Za-z0-9_-]{1,40}\.[A-Za-z0-9_-]{0,60}\.[A-Za-z0-9_=-]{0,50}", fullmatch=True)
in_one_world = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@in_one_world
@given(st.one_of(any_text, token_like))
def test_tokens_and_keys_that_we_did_not_issue_are_refused(world, text):
    for verify in (world.auth.verify_access_token, world.auth.refresh, world.auth.verify_api_key):
        with pytest.raises(Unauthenticated):
            verify(text)


@in_one_world
@given(st.data())
def test_no_edit_of_a_valid_token_is_accepted(world, data):
    if world.stores.accounts.users.count() == 0:
        world.user()
    token = world.login().access_token
    assert world.auth.verify_access_token(token).username == "alice"
    place = data.draw(st.integers(0, len(token) - 1))
    character = data.draw(st.characters(max_codepoint=0x17F).filter(lambda c: c != token[place]))
    cut = data.draw(st.integers(0, 1))
    with pytest.raises(Unauthenticated):
        world.auth.verify_access_token(token[:place] + character + token[place + cut :])


@given(any_text)
def test_a_username_is_refused_or_is_its_own_normal_form(text):
    try:
        name = require_good_username(text)
    except InvalidInput:
        return
    assert normalised(name) == name == require_good_username(name)
    assert name.isascii()
    assert name.isprintable()
    assert len(name) <= 64


@given(any_text)
def test_legible_text_has_one_line_and_nothing_hidden(text):
    shown = legible(text)
    assert len(shown.splitlines()) <= 1
    assert all(unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} for c in shown)
    assert legible(shown)[:500] == shown[:500], "what is legible stays as it is"
    shown.encode()


details = st.dictionaries(
    any_text, st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), any_text), max_size=5
)


@given(details)
def test_details_survive_json_unchanged(given_details):
    kept = legible_details(given_details)
    assert json.loads(json.dumps(kept, allow_nan=False)) == kept


@in_one_world
@given(details, any_text)
def test_the_chain_holds_whatever_is_logged(world, given_details, text):
    world.security.audit.log_event(actor=text, action=text, user_agent=text, details=given_details)
    assert world.security.audit.verify().is_intact
    assert world.security.audit.verify_export(world.security.audit.export()).is_intact


@given(any_text, st.one_of(st.none(), any_text, st.ip_addresses().map(str)))
def test_an_address_is_always_an_answer(peer, forwarded):
    assert isinstance(client_address(peer, forwarded, trusted_networks("0.0.0.0/0,::/0")), str)
    assert client_address(peer, forwarded, ()) == client_address(peer, None, ())
    assert limit_key(limit_key(peer)) == limit_key(peer)


@given(st.one_of(any_text, st.recursive(st.none() | st.text(), st.lists).map(json.dumps)))
def test_a_key_set_is_read_or_refused(text):
    with pytest.raises(Misconfigured):
        KeySet.parse(text, "the file")
