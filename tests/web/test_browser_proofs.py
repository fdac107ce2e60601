"""Cookies, CSRF, headers, addresses: what a browser sends by itself is not believed."""

import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import ValidationError

from shared.db import Transactions
from tests.web.conftest import PASSWORD, Person, make_person, make_ports
from web import csrf
from web.client_address import ForwardedHeaders, client_of
from web.flask_app import create_app
from web.security_headers import CONTENT_SECURITY_POLICY
from web.settings import WebSettings

FORM = re.compile(r'name="csrf_token" value="([0-9a-f]+)"')


def form_token(browser: FlaskClient, page: str = "/sign-in") -> str:
    found = FORM.search(browser.get(page).text)
    assert found is not None
    return found[1]


def sign_in(browser: FlaskClient, email: str) -> None:
    form = {"email": email, "password": PASSWORD, "csrf_token": form_token(browser)}
    answer = browser.post("/sign-in", data=form)
    assert answer.status_code == 303, answer.text


def unsafe_routes(app: Flask) -> list[tuple[str, str]]:
    found = []
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<int:\w+>", "1", rule.rule)
        path = path.replace("<any(runs, builds):what>", "runs")
        path = re.sub(r"<[^>]+>", "x", path)
        found += [
            (method, path)
            for method in (rule.methods or set()) - {"GET", "HEAD", "OPTIONS"}
            if not rule.rule.startswith("/objects/")
        ]
    return found


def test_every_unsafe_route_refuses_a_signed_in_browser_without_a_token(
    app: Flask, owner: Person
) -> None:
    browser = app.test_client()
    sign_in(browser, owner.email)
    routes = unsafe_routes(app)
    assert len(routes) > 30
    for method, path in routes:
        for headers in ({}, {csrf.HEADER: "0" * 64}):
            answer = browser.open(path, method=method, headers=headers)
            assert answer.status_code == 403, (method, path)
            if path.startswith("/api/"):
                assert answer.json["error"]["code"] == "csrf", path


def test_every_unsafe_route_refuses_another_site_even_with_a_token(
    app: Flask, owner: Person
) -> None:
    browser = app.test_client()
    sign_in(browser, owner.email)
    token = form_token(browser, "/add")
    for method, path in unsafe_routes(app):
        for name, value in (("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")):
            answer = browser.open(path, method=method, headers={csrf.HEADER: token, name: value})
            assert answer.status_code == 403, (method, path, name)


def test_our_own_page_may_send_with_its_token(app: Flask, owner: Person) -> None:
    browser = app.test_client()
    sign_in(browser, owner.email)
    headers = {csrf.HEADER: form_token(browser, "/add"), "Origin": "http://localhost"}
    made = browser.post("/api/v1/tokens", json={"name": "x"}, headers=headers)
    assert made.status_code == 201


def test_a_token_of_one_session_is_worth_nothing_in_another(
    app: Flask, owner: Person, other: Person
) -> None:
    mine, theirs = app.test_client(), app.test_client()
    sign_in(mine, owner.email)
    sign_in(theirs, other.email)
    headers = {csrf.HEADER: form_token(theirs, "/add")}
    assert mine.post("/api/v1/tokens", json={"name": "x"}, headers=headers).status_code == 403


def test_sign_in_itself_needs_a_token(app: Flask, client: FlaskClient, owner: Person) -> None:
    form = {"email": owner.email, "password": PASSWORD}
    assert client.post("/sign-in", data=form).status_code == 403
    with app.test_request_context():
        of_nobody = csrf._sign("")
    assert client.post("/sign-in", data={**form, csrf.FIELD: of_nobody}).status_code == 403


def test_a_bearer_call_needs_no_token(owner: Person) -> None:
    assert owner.post("/api/v1/tokens", json={"name": "x"}).status_code == 201


def test_a_wrong_bearer_is_not_replaced_by_the_cookie(app: Flask, owner: Person) -> None:
    browser = app.test_client()
    sign_in(browser, owner.email)
    assert browser.get("/api/v1/me").status_code == 200
    wrong = browser.get("/api/v1/me", headers={"Authorization": "Bearer ty_wrong"})
    assert wrong.status_code == 401
    other_form = browser.get("/api/v1/me", headers={"Authorization": "Basic eDp5"})
    assert other_form.status_code == 401


def test_no_safe_method_changes_anything(app: Flask) -> None:
    names = ("revoke", "delete", "cancel", "start", "add_now", "edit_now", "sign_out", "make")
    for rule in app.url_map.iter_rules():
        if rule.endpoint.rpartition(".")[2].startswith(names):
            assert "GET" not in (rule.methods or ()), rule.rule


def test_sign_in_gives_a_new_session_and_ends_the_one_before(app: Flask, owner: Person) -> None:
    browser = app.test_client()
    planted = "tys_planted-by-an-attacker"
    browser.set_cookie("toolyard_session", planted)
    sign_in(browser, owner.email)
    first = browser.get_cookie("toolyard_session")
    assert first is not None and first.value != planted
    form = {"csrf_token": form_token(browser, "/add"), "email": owner.email, "password": PASSWORD}
    browser.post("/sign-in", data=form)
    second = browser.get_cookie("toolyard_session")
    assert second is not None and second.value != first.value
    old = app.test_client()
    old.set_cookie("toolyard_session", first.value)
    assert old.get("/api/v1/me").status_code == 401


def test_sign_out_ends_the_session_on_the_server(app: Flask, owner: Person) -> None:
    browser = app.test_client()
    sign_in(browser, owner.email)
    kept = browser.get_cookie("toolyard_session")
    assert kept is not None
    browser.post("/sign-out", data={"csrf_token": form_token(browser, "/add")})
    assert browser.get_cookie("toolyard_session") is None
    thief = app.test_client()
    thief.set_cookie("toolyard_session", kept.value)
    assert thief.get("/api/v1/me").status_code == 401


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(
    client: FlaskClient, owner: Person
) -> None:
    form = {"email": owner.email, "password": PASSWORD, "csrf_token": form_token(client)}
    cookies = client.post("/sign-in", data=form).headers.getlist("Set-Cookie")
    assert len(cookies) >= 2
    for cookie in cookies:
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert "Path=/" in cookie
        assert "Domain" not in cookie


def test_by_https_cookies_are_bound_to_the_host_and_hsts_is_set(
    transactions: Transactions, tmp_path: Path
) -> None:
    app = create_app(make_ports(transactions, tmp_path, url="https://tools.example.org"))
    person = make_person(app, "me@example.org")
    browser = app.test_client()
    base = "https://tools.example.org"
    page = browser.get("/sign-in", base_url=base)
    assert page.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    found = FORM.search(page.text)
    assert found is not None
    form = {"email": person.email, "password": PASSWORD, "csrf_token": found[1]}
    answer = browser.post("/sign-in", data=form, base_url=base)
    names = [cookie.partition("=")[0] for cookie in answer.headers.getlist("Set-Cookie")]
    assert "__Host-toolyard" in names
    for cookie in answer.headers.getlist("Set-Cookie"):
        assert cookie.startswith("__Host-")
        assert "Secure" in cookie


def test_every_answer_has_the_security_headers(app: Flask, owner: Person) -> None:
    browser = app.test_client()
    sign_in(browser, owner.email)
    paths = {re.sub(r"<[^>]+>", "1", rule.rule) for rule in app.url_map.iter_rules()}
    assert len(paths) > 50
    for path in [*paths, "/nowhere", "/api/nowhere"]:
        for method in ("GET", "POST", "OPTIONS"):
            if path.startswith("/api/v1/worker/directives") and method == "GET":
                continue  # needs a token to answer at once
            answer = browser.open(path, method=method, buffered=False)
            policy = answer.headers["Content-Security-Policy"]
            assert policy == CONTENT_SECURITY_POLICY or "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] in ("same-origin", "no-referrer")
            assert "Permissions-Policy" in answer.headers
            assert answer.headers["X-Request-Id"]
            answer.close()


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("192.0.2.7", "203.0.113.9", "192.0.2.7"),
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
    ],
)
def test_the_clients_address_is_believed_from_proxies_only(
    peer: str, forwarded: str, expected: str
) -> None:
    proxies = WebSettings(trusted_proxies="10.0.0.0/8").proxies
    assert client_of(peer, forwarded, proxies) == expected


def test_a_forged_address_does_not_escape_the_sign_up_limit(
    transactions: Transactions, tmp_path: Path
) -> None:
    app = create_app(make_ports(transactions, tmp_path, sign_ups_per_hour=3))
    statuses = []
    for n in range(6):
        browser = app.test_client()
        form = {"email": f"p{n}@example.org", "password": PASSWORD}
        answer = browser.post(
            "/sign-up",
            data={**form, "csrf_token": form_token(browser)},
            headers={"X-Forwarded-For": f"203.0.113.{n}"},
        )
        statuses.append(answer.status_code)
    assert statuses == [303] * 3 + [429] * 3
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("trusted", "forwarded", "expected"),
    [
        (True, "198.51.100.7", ("198.51.100.7", "https")),
        (True, "203.0.113.1, 198.51.100.7", ("198.51.100.7", "https")),  # the first is only claimed
        (True, "no address", ("", "https")),
        (False, "198.51.100.7", ("", "http")),
    ],
)
def test_forwarded_headers_on_a_unix_socket(
    trusted: bool, forwarded: str, expected: tuple[str, str]
) -> None:
    seen = {}

    def app(environ: dict[str, object], start: object) -> list[bytes]:
        seen.update(environ)
        return []

    given = {
        "REMOTE_ADDR": "",
        "wsgi.url_scheme": "http",
        "HTTP_X_FORWARDED_FOR": forwarded,
        "HTTP_X_FORWARDED_PROTO": "https",
    }
    ForwardedHeaders(app, (), unix=trusted)(given, lambda *_: None)

    assert (seen["REMOTE_ADDR"], seen["wsgi.url_scheme"]) == expected


@pytest.mark.parametrize("listen", ["/run/web.sock", "unix:web.sock", "tcp://0.0.0.0:1"])
def test_a_listening_place_that_is_no_socket_is_refused(listen: str) -> None:
    with pytest.raises(ValidationError, match="unix:/path"):
        WebSettings.read({"TOOLYARD_LISTEN": listen})


def test_a_name_that_a_stranger_points_here_is_not_our_origin(client: FlaskClient) -> None:
    """A page of rebound.example whose name was made to lead to us (DNS rebinding)."""
    form = {"email": "x@example.org", "password": PASSWORD}

    def sign_up(host: str) -> int:
        base = f"http://{host}"
        shown = client.get("/sign-up", base_url=base).text
        proof = FORM.search(shown)
        assert proof is not None
        sent = {**form, "csrf_token": proof[1]}
        return client.post(
            "/sign-up", data=sent, base_url=base, headers={"Origin": base}
        ).status_code

    assert sign_up("rebound.example:8080") == 403
    assert sign_up("127.0.0.1.rebound.example") == 403
    assert sign_up("127.0.0.1:8099") == 303
    client.delete_cookie("toolyard_session", domain="127.0.0.1")
    assert sign_up("web:8080") == 303


@pytest.mark.parametrize("origin", ["http://[::", "http://]", "null", "\xff", ""])
def test_an_origin_that_is_none_is_refused(client: FlaskClient, origin: str) -> None:
    headers = {"Origin": origin, csrf.HEADER: "x"}
    assert client.post("/sign-in", data={}, headers=headers).status_code == 403
