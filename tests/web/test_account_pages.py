"""Signing up, in and out, tokens, sessions and the password, on both databases."""

import re

import pytest
from flask import Flask
from sqlalchemy import select

from shared.schema.accounts import LoginSession
from tests.web.browser import LINK, Browser
from tests.web.conftest import PASSWORD, Person
from web.ports import WebPorts


def test_a_stranger_signs_up_and_is_signed_in(visitor: Browser) -> None:
    sent = visitor.send("/sign-up", "/sign-up", email="new@example.org", password=PASSWORD)
    assert sent.status_code == 303 and sent.location == "/tools"
    assert "new@example.org" in visitor.get("/account").text


def test_a_refused_sign_up_keeps_the_address_and_never_the_password(visitor: Browser) -> None:
    sent = visitor.send("/sign-up", "/sign-up", email="new@example.org", password="short")
    assert sent.status_code == 422
    assert 'value="new@example.org"' in sent.text and "at least 8 characters" in sent.text
    assert "short<" not in sent.text and 'value="short"' not in sent.text


def test_a_wrong_password_says_so_and_keeps_the_address(visitor: Browser, owner: Person) -> None:
    sent = visitor.send("/sign-in", "/sign-in", email=owner.email, password="not the password")
    assert sent.status_code == 401
    assert f'value="{owner.email}"' in sent.text and "password is wrong" in sent.text


def test_what_was_pasted_before_signing_in_is_there_afterwards(
    visitor: Browser, owner: Person
) -> None:
    asked = visitor.get(f"/add?link={LINK}")
    assert asked.status_code == 303 and asked.location.startswith("/sign-in?next=")
    html = visitor.get(asked.location).text
    target = re.search(r'name="next" value="([^"]+)"', html)
    assert target
    fields = {"email": owner.email, "password": PASSWORD, "next": target[1]}
    sent = visitor.send(asked.location, "/sign-in", **fields)
    assert f'value="{LINK}"' in visitor.get(sent.location).text


def test_signing_out_ends_the_session(browser: Browser) -> None:
    assert browser.send("/account", "/sign-out").status_code == 303
    assert browser.get("/account").status_code == 303


def test_closed_sign_up_is_said_and_not_possible(
    visitor: Browser, app: Flask, web_ports: WebPorts
) -> None:
    closed = web_ports.settings.model_copy(update={"sign_up": False})
    object.__setattr__(web_ports, "settings", closed)
    assert "Sign-up is closed" in visitor.get("/sign-up").text
    sent = visitor.send("/sign-in", "/sign-up", email="new@example.org", password=PASSWORD)
    assert sent.status_code == 403


@pytest.mark.parametrize(
    "action",
    ["/sign-in", "/sign-up", "/sign-out", "/add", "/parse", "/account/tokens", "/account/password"],
)
def test_a_form_without_its_token_is_refused(browser: Browser, action: str) -> None:
    assert browser.client.post(action, data={"link": LINK}).status_code == 403


@pytest.mark.parametrize(
    "path", ["/add", "/runs", "/account", "/palette", "/builds/bld_x", "/runs/x"]
)
def test_private_pages_ask_to_sign_in(visitor: Browser, path: str) -> None:
    asked = visitor.get(path)
    assert asked.status_code == 303 and asked.location.startswith("/sign-in?next=")


def test_a_token_is_shown_once_works_and_can_be_revoked(
    app: Flask, browser: Browser, owner: Person
) -> None:
    made = browser.send("/account", "/account/tokens", name="laptop", days="30")
    secret = re.search(r'id="secret">(ty_[^<]+)<', made.text)
    assert made.status_code == 201 and secret
    assert secret[1] not in browser.get("/account").text
    bearer = {"Authorization": f"Bearer {secret[1]}"}
    plain = app.test_client(use_cookies=False)
    assert plain.get("/api/v1/me", headers=bearer).status_code == 200
    page = browser.get("/account").text
    revoke = re.search(
        r'action="(/account/tokens/[^"]+/revoke)" data-confirm="Revoke “laptop”', page
    )
    assert revoke
    assert browser.send("/account", revoke[1]).status_code == 303
    assert plain.get("/api/v1/me", headers=bearer).status_code == 401


def test_nobody_revokes_what_belongs_to_others(
    browser: Browser, stranger: Browser, owner: Person
) -> None:
    page = browser.get("/account").text
    action = re.search(r'action="(/account/tokens/[^"]+/revoke)"', page)
    assert action
    assert stranger.send("/account", action[1]).status_code == 404


def test_another_browser_is_signed_out_from_here(
    app: Flask, browser: Browser, owner: Person
) -> None:
    elsewhere = Browser(app, owner.email)
    page = browser.get("/account").text
    actions = re.findall(r'action="(/account/sessions/[0-9a-f]+/revoke)"', page)
    assert len(actions) == 1 and "this one" in page
    assert browser.send("/account", actions[0]).status_code == 303
    assert elsewhere.get("/account").status_code == 303
    assert browser.get("/account").status_code == 200


def test_the_page_never_shows_a_sessions_digest(browser: Browser, web_ports: WebPorts) -> None:
    with web_ports.transactions.read() as session:
        digests = session.scalars(select(LoginSession.digest)).all()
    page = browser.get("/account").text
    assert digests and not any(digest[:24] in page for digest in digests)


def test_the_password_is_changed_only_with_the_present_one(
    app: Flask, browser: Browser, owner: Person
) -> None:
    elsewhere = Browser(app, owner.email)
    action = "/account/password"
    wrong = browser.send("/account", action, present="not it at all", new="another good one")
    assert wrong.status_code == 401 and "present password is wrong" in wrong.text
    weak = browser.send("/account", action, present=PASSWORD, new="short")
    assert weak.status_code == 422
    right = browser.send("/account", action, present=PASSWORD, new="another good one")
    assert right.status_code == 303
    assert browser.get("/account").status_code == 200
    assert elsewhere.get("/account").status_code == 303


def test_an_error_page_never_gives_back_a_password(visitor: Browser) -> None:
    answer = visitor.client.post("/sign-in", data={"email": "a@b.org", "password": "hunter2hunter"})
    assert answer.status_code == 403 and "hunter2" not in answer.text
