"""The admin API over the test's own bank."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster_tests.support.api import Api, serving


@pytest.fixture
def api(bank: Bank, settings: Settings) -> Iterator[Api]:
    """A server with a reader's and a writer's key."""
    with serving(bank, settings) as running:
        yield running
