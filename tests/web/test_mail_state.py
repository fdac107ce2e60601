"""Whoever gets no more mail is told so on the account page, with what to do."""

import pytest
from flask import Flask

from shared.db import Transactions
from shared.schema.deliveries import Suppression
from tests.web.browser import Browser
from tests.web.conftest import Person


def account_page(app: Flask, person: Person) -> str:
    return Browser(app, person.email).get("/account").text


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("bounce", "a mail to owner@example.org came back (550 &lt;b&gt; unknown)"),
        ("refused", "a mail to owner@example.org came back (550 &lt;b&gt; unknown)"),
        ("complaint", "was marked as unwanted"),
    ],
)
def test_a_suppressed_address_is_told_with_what_to_do(
    app: Flask, transactions: Transactions, owner: Person, kind: str, said: str
) -> None:
    assert "You get no mail" not in account_page(app, owner)
    with transactions.begin() as session:
        session.add(
            Suppression(address="owner@example.org", kind=kind, reason="550 <b> unknown", at=1)
        )
    page = account_page(app, owner)
    assert "You get no mail from us" in page
    assert said in page
    assert "administrator" in page
