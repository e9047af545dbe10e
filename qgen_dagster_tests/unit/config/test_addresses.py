"""Addresses and keys in the environment: refused before anything is done, and no secret is shown."""

from __future__ import annotations

import pytest

from qgen_dagster.config.addresses import http_address
from qgen_dagster.config.settings import PROVIDER_VARIABLES, load_settings
from qgen_dagster.core.errors import ConfigurationError

LINKS = ("QGEN_DAGSTER_URL", "QGEN_DASHBOARD_URL")
BASE_URLS = tuple(name for name in PROVIDER_VARIABLES if name.endswith("_BASE_URL"))
KEYS = tuple(name for name in PROVIDER_VARIABLES if name.endswith("_KEY"))
NO_ADDRESS = {
    "ftp://x": "does not begin with http:// or https://",
    "localhost:11434": "does not begin with http:// or https://",
    "http:/host": "does not begin with http:// or https://",
    "/v1": "does not begin with http:// or https://",
    "javascript:alert(1)": "does not begin with http:// or https://",
    "not a url": "has a blank",
    "http://a b": "has a blank",
    "http://a\nb": "has a blank, a line break",
    "http://b\u00fccher.example": "or a character that no address has",
    "http://": "names no host",
    "http:///v1": "names no host",
    "http://me:secret@": "names no host",
    "http://[a": "host cannot be read",
    "http://a..b": "host cannot be read",
    f"http://{'a' * 64}": "host cannot be read",
    "http://<host>:8000": "host cannot be read",
    "http://host:99999": "port is not a number from 1 to 65535",
    "http://host:0": "port is not a number from 1 to 65535",
    "http://host:eighty": "port is not a number from 1 to 65535",
    "http://me:secret@host:eighty": "port is not a number from 1 to 65535",
    "http://host/v1?key=secret": "goes on after its path",
    "http://host/v1#top": "goes on after its path",
}
NO_DATABASE = {
    "qgen": "does not begin with postgresql://",
    "mysql://me:secret@host/qgen": "does not begin with postgresql://",
    "postgresql:qgen": "does not begin with postgresql://",
    "postgresql://me:secret@host:port/qgen": "port is not a number from 1 to 65535",
    "postgresql://host:0/qgen": "port is not a number from 1 to 65535",
    "postgresql://host:65536/qgen": "port is not a number from 1 to 65535",
    "postgresql://[::1/qgen": "host cannot be read",
    "postgresql://host\n/qgen": "has a line break",
}


def test_an_address_is_taken_without_the_slash_at_its_end() -> None:
    settings = load_settings(
        {"QGEN_DAGSTER_URL": "https://dagster.example/ui/", "QGEN_DASHBOARD_URL": "http://[::1]:3001"}
    )
    assert (settings.dagster_url, settings.dashboard_url) == ("https://dagster.example/ui", "http://[::1]:3001")
    assert load_settings({}).dagster_url is None


@pytest.mark.parametrize("value", NO_ADDRESS)
@pytest.mark.parametrize("name", [*LINKS, *BASE_URLS, "QGEN_REPORT_URL"])
def test_an_address_that_leads_nowhere_is_refused_and_not_shown(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({name: value, "QGEN_SERVICE_KEY": "0123456789-0123456789"})
    assert caught.value.message.startswith(f"{name} is not an http(s) address: it")
    assert NO_ADDRESS[value] in caught.value.message
    assert "http://" in str(caught.value.hint) or "https://" in str(caught.value.hint)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", LINKS)
def test_an_address_that_others_are_led_to_holds_no_password(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name) as caught:
        load_settings({name: "http://me:secret@host"})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        "http://localhost:8000/v1",
        " https://gate.example/openai/ ",
        "http://me:word@host/v1",
        "HTTP://[::1]:1",
        "http://h.",
    ],
)
@pytest.mark.parametrize("name", BASE_URLS)
def test_what_a_provider_can_be_reached_at_is_taken_as_it_is(name: str, value: str) -> None:
    assert load_settings({name: value}).provider_environment == {name: value}


@pytest.mark.parametrize("key", ["sk-secret with a blank", "sk-secret\nand more", "sk-\u201csecret\u201d"])
@pytest.mark.parametrize("name", KEYS)
def test_a_key_that_no_header_can_carry_is_refused_and_not_shown(name: str, key: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} is not a key") as caught:
        load_settings({name: key})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("value", NO_DATABASE)
@pytest.mark.parametrize("name", ["QGEN_DATABASE_URL", "QGEN_DAGSTER_DATABASE_URL"])
def test_a_database_that_nobody_could_connect_to_is_refused_and_not_shown(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({name: value})
    assert caught.value.message.startswith(f"{name} is not the URL of a PostgreSQL database: it")
    assert NO_DATABASE[value] in caught.value.message
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        *("postgresql://me:word@host:5432/qgen", "postgresql://", "postgresql://[::1]:5432/qgen?sslmode=require"),
        *("postgresql:///qgen?host=/run/postgresql", "postgresql://me:with/slash@host/qgen"),
        "postgresql://me:with@sign@host:5432/qgen",
    ],
)
@pytest.mark.parametrize("name", ["QGEN_DATABASE_URL", "QGEN_DAGSTER_DATABASE_URL"])
def test_a_database_may_be_named_in_every_way_that_the_driver_takes(name: str, value: str) -> None:
    settings = load_settings({name: value})
    if name == "QGEN_DATABASE_URL":
        assert settings.database_url == value
    else:
        assert settings.dagster_database_url == f"postgresql+psycopg2{value.removeprefix('postgresql')}"


def test_dagsters_own_database_is_spoken_to_with_its_own_driver() -> None:
    assert load_settings({"QGEN_DATABASE_URL": "postgres+psycopg://host/qgen"}).database_url
    assert load_settings({"QGEN_DAGSTER_DATABASE_URL": "postgresql+psycopg2://host/qgen"}).dagster_database_url
    for value in ("postgresql+psycopg://host/qgen", "postgres://host/qgen"):
        with pytest.raises(ConfigurationError, match=r"postgresql\+psycopg2:// only"):
            load_settings({"QGEN_DAGSTER_DATABASE_URL": value})


@pytest.mark.parametrize("name", ["QGEN_ALERT_URLS", "QGEN_ALERT_URLS_CRITICAL", "QGEN_ALERT_URLS_WARNING"])
def test_a_channel_of_alerts_that_is_no_address_is_refused_and_not_shown(name: str) -> None:
    assert load_settings({name: "mailtos://me:word@host?to=you@host\nslack://a/b/c"}).alert_environment
    with pytest.raises(ConfigurationError, match=f"{name}: entry 2 is not an address") as caught:
        load_settings({name: "json://host me:secret@host"})
    assert "secret" not in str(caught.value)


def test_an_address_may_be_that_of_this_machine() -> None:
    assert http_address("X", "http://[::1]:8000/v1", hint="").port == 8000
