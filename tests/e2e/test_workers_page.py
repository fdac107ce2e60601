"""The administrators' page of worker groups in a real browser: drawn, renewed, readable by all."""

from playwright.sync_api import expect
from sqlalchemy import select

from shared.db import now_ms
from shared.schema.accounts import Account
from shared.schema.scaling import ScalingSample
from tests.e2e.conftest import LiveWeb, Open, sign_up, violations


def see(web: LiveWeb, desired: int) -> None:
    """What the scaler keeps at a look."""
    with web.transactions.begin() as session:
        now = int(session.execute(select(now_ms())).scalar_one())
        session.add(
            ScalingSample(
                group_name="runner",
                at=now,
                desired=desired,
                running=1,
                busy=1,
                queued=4,
                active=2,
                asked=2.5,
                seconds=3.0,
                note="",
            )
        )


def test_it_renews_itself_and_reads_well(live_web: LiveWeb, open_page: Open) -> None:
    for look in ({"color_scheme": "dark"}, {"viewport": {"width": 390, "height": 800}}):
        page = open_page(live_web.url, **look)
        email = f"admin-{next(iter(look)).replace('_', '-')}@example.org"
        sign_up(page, email)
        with live_web.transactions.begin() as session:
            session.scalars(select(Account).where(Account.email == email)).one().is_admin = True
        see(live_web, 3)
        page.goto("/workers")
        assert page.get_by_role("img").count() == 3
        assert page.locator(".figures dd").first.inner_text() == "3"
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    see(live_web, 2)
    expect(page.locator(".figures dd").first).to_have_text("2", timeout=25_000)
