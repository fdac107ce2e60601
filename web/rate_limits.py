"""How often one caller may do what costs something; counted in each web process for itself."""

import math
import time

from limits import RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from web.client_address import household
from web.refusals import TooMany
from web.settings import WebSettings


class RateLimits:
    """Moving windows, one for each name and caller."""

    def __init__(self, settings: WebSettings) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._items = {
            "sign-up": RateLimitItemPerHour(settings.sign_ups_per_hour),
            "add": RateLimitItemPerHour(settings.adds_per_hour),
            "preview": RateLimitItemPerHour(settings.previews_per_hour),
            "run": RateLimitItemPerMinute(settings.runs_per_minute),
            "hook": RateLimitItemPerMinute(settings.pushes_per_minute),
            "enrol": RateLimitItemPerMinute(settings.enrolments_per_minute),
            "storage": RateLimitItemPerHour(settings.storage_credentials_per_hour),
            "upload": RateLimitItemPerMinute(settings.runs_per_minute * 4),
        }

    def hit(self, name: str, caller: str) -> None:
        """Count one of an account's id or an address; refused with the time to wait when the window is full."""
        item, caller = self._items[name], household(caller)
        if self._limiter.hit(item, name, caller):
            return
        reset = self._limiter.get_window_stats(item, name, caller).reset_time
        wait = max(1, math.ceil(reset - time.time()))
        words = f"{wait} s" if wait < 120 else f"{math.ceil(wait / 60)} min"
        raise TooMany(
            f"That was too often. Try again in {words}.", code="rate_limit", retry_after=wait
        )
