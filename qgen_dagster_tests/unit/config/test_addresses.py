"""The addresses that pages link to: http only, and no secret inside."""

from __future__ import annotations

import pytest

from qgen_dagster.config.settings import load_settings
from qgen_dagster.core.errors import ConfigurationError


def test_an_address_is_taken_without_the_slash_at_its_end() -> None:
    settings = load_settings(
        {"QGEN_DAGSTER_URL": "https://dagster.example/ui/", "QGEN_DASHBOARD_URL": "http://[::1]:3001"}
    )
    assert (settings.dagster_url, settings.dashboard_url) == ("https://dagster.example/ui", "http://[::1]:3001")
    assert load_settings({}).dagster_url is None


@pytest.mark.parametrize(
    "value",
    ["dagster:3000", "ftp://a", "javascript:alert(1)", "http://", "http://me:secret@a", "http://a b", "http://[a"],
)
@pytest.mark.parametrize("name", ["QGEN_DAGSTER_URL", "QGEN_DASHBOARD_URL"])
def test_anything_else_is_refused_and_not_shown(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name) as caught:
        load_settings({name: value})
    assert "secret" not in str(caught.value)
