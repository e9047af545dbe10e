"""The setting with the keys, and when the server refuses to start."""

from __future__ import annotations

from pathlib import Path

import pytest

from qgen_dagster.api.server import is_loopback, keys_for
from qgen_dagster.config.service_keys import parse_service_keys
from qgen_dagster.config.settings import Settings, load_settings
from qgen_dagster.core.errors import ConfigurationError

KEY, OTHER = "k" * 20, "o" * 20
EVERYBODY = "0.0.0.0"  # noqa: S104 - nothing is bound


def test_several_keys_with_names_and_scopes() -> None:
    keys = parse_service_keys(f" reporter:write:{KEY}, dashboard:read:{OTHER} ,")
    assert [(k.name, k.scope, k.key) for k in keys] == [("reporter", "write", KEY), ("dashboard", "read", OTHER)]


def test_a_key_may_hold_colons() -> None:
    assert parse_service_keys(f"a:read:{KEY}:x")[0].key == f"{KEY}:x"


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        f"a:{KEY}",
        f"a:admin:{KEY}",
        f":read:{KEY}",
        "a:read:",
        "a:read:short",
        f"a:read:{'ü' * 30}",
        f"a:read:{KEY} {KEY}",
        f"a:read:{KEY},a:write:{OTHER}",
        f"a:read:{KEY},b:write:{KEY}",
    ],
)
def test_a_setting_that_cannot_be_is_refused_without_showing_a_key(text: str) -> None:
    with pytest.raises(ConfigurationError, match="QGEN_SERVICE_KEYS") as caught:
        parse_service_keys(text)
    assert KEY not in str(caught.value)
    assert OTHER not in str(caught.value)


def test_settings_do_not_show_keys() -> None:
    settings = load_settings({"QGEN_SERVICE_KEYS": f"me:write:{KEY}"})
    assert settings.service_keys[0].name == "me"
    assert KEY not in repr(settings)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost"])
def test_an_address_of_this_machine_alone(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", [EVERYBODY, "::", "10.0.0.1", "example.org", ""])
def test_an_address_that_others_reach(host: str) -> None:
    assert not is_loopback(host)


def test_without_a_key_it_starts_on_this_machine_only_and_only_when_told_to() -> None:
    without = Settings(home=Path())
    assert keys_for(without, "127.0.0.1", insecure_local=True) == ()
    for host, insecure in (("127.0.0.1", False), (EVERYBODY, False), (EVERYBODY, True)):
        with pytest.raises(ConfigurationError):
            keys_for(without, host, insecure_local=insecure)


def test_open_to_others_is_refused_even_with_keys() -> None:
    settings = load_settings({"QGEN_SERVICE_KEYS": f"me:write:{KEY}"})
    assert keys_for(settings, EVERYBODY, insecure_local=False) == settings.service_keys
    with pytest.raises(ConfigurationError):
        keys_for(settings, EVERYBODY, insecure_local=True)
