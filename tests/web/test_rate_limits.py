"""Limits of an address hold for all addresses that one household or machine has."""

import pytest

from web.client_address import household
from web.login_limits import subjects
from web.rate_limits import RateLimits
from web.refusals import TooMany
from web.settings import WebSettings


@pytest.mark.parametrize(
    ("caller", "counted"),
    [
        ("acc_1", "acc_1"),
        ("", ""),
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
    ],
)
def test_an_address_counts_with_its_household(caller: str, counted: str) -> None:
    assert household(caller) == counted


def test_another_address_of_the_household_finds_no_new_limit() -> None:
    rates = RateLimits(WebSettings.read({"TOOLYARD_SIGN_UPS_PER_HOUR": "2"}))
    rates.hit("sign-up", "2001:db8::1")
    rates.hit("sign-up", "2001:db8::2")
    with pytest.raises(TooMany, match=r"Try again in (59|60) min\.$"):
        rates.hit("sign-up", "2001:db8::3")
    rates.hit("sign-up", "2001:db8:0:1::1")
    first, second = (subjects("a@b.org", f"2001:db8::{n}", None) for n in (1, 2))
    assert first == second
