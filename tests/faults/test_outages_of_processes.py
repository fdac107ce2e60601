"""Web, utility and builder away under load, one after the other, for longer than a lease lasts."""

import pytest

from chaos import outages
from tests.faults.conftest import SECONDS, Together

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(int(SECONDS) + 600)]


@pytest.mark.parametrize("name", ["web", "utility", "builder"])
def test_nothing_is_stopped_or_lost_while_a_process_is_away(name: str, together: Together) -> None:
    assert together.broken_by(name, lambda: outages.kept_away(together.platform, name)) == []
