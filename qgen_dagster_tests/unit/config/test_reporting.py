"""Whom runs are told: addresses are completed and checked, keys never shown."""

from __future__ import annotations

import pytest

from qgen_dagster.config.reporting import PATH, parse_reporting
from qgen_dagster.core.errors import ConfigurationError

KEY = "a-secret-key-0123456789"


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://qgen.example.org", f"https://qgen.example.org{PATH}"),
        ("https://qgen.example.org/", f"https://qgen.example.org{PATH}"),
        (f"https://qgen.example.org{PATH}", f"https://qgen.example.org{PATH}"),
        ("http://10.0.0.7:3001/behind/", f"http://10.0.0.7:3001/behind{PATH}"),
        ("http://[::1]:3001", f"http://[::1]:3001{PATH}"),
    ],
)
def test_the_address_may_be_that_of_the_server_or_of_the_route(given: str, used: str) -> None:
    reporting = parse_reporting({"QGEN_REPORT_URL": given, "QGEN_SERVICE_KEY": KEY})
    assert reporting is not None
    assert (reporting.url, reporting.key) == (used, KEY)
    assert KEY not in repr(reporting)


@pytest.mark.parametrize("switch", ["off", "OFF", "0", "false", "no"])
def test_it_can_be_switched_off(switch: str) -> None:
    assert parse_reporting({"QGEN_REPORT_URL": "https://x.example", "QGEN_REPORT": switch}) is None


def test_without_an_address_nobody_is_told() -> None:
    assert parse_reporting({}) is None
    assert parse_reporting({"QGEN_SERVICE_KEY": KEY, "QGEN_REPORT": "on"}) is None


@pytest.mark.parametrize(
    "address",
    [
        *("qgen.example.org", "ftp://qgen.example.org", "https://", "http://x:99999", "http://x:zero"),
        *("https://user:password@x.example", "https://x.example/?a=1", "https://x.example/#top"),
        *("https://x.exa mple", "https://bücher.example", "https://x.example\n", "http://[::1"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(address: str) -> None:
    given = {"QGEN_REPORT_URL": address, "QGEN_SERVICE_KEY": KEY}
    if address.endswith("\n"):  # blanks around it are nobody's mistake
        assert parse_reporting(given) is not None
        return
    with pytest.raises(ConfigurationError, match="QGEN_REPORT_URL") as caught:
        parse_reporting(given)
    assert "password@" not in caught.value.message


def test_other_machines_want_a_key_and_this_one_need_not() -> None:
    with pytest.raises(ConfigurationError, match="QGEN_SERVICE_KEY"):
        parse_reporting({"QGEN_REPORT_URL": "https://qgen.example.org"})
    local = parse_reporting({"QGEN_REPORT_URL": "http://127.0.0.1:3001"})
    assert local is not None
    assert local.key is None


@pytest.mark.parametrize("key", ["ключ-0123456789-abcdef", "a\r\nX-Other: header"])
def test_a_key_that_fits_no_header_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_reporting({"QGEN_REPORT_URL": "https://x.example", "QGEN_SERVICE_KEY": key})
    assert key not in caught.value.message


def test_a_switch_that_is_neither_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="QGEN_REPORT: 'maybe'"):
        parse_reporting({"QGEN_REPORT": "maybe"})
