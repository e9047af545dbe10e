"""`qgen alerts` as a process: what it prints, and its exit codes."""

from __future__ import annotations

import json
from functools import partial

import pytest

from qgen_dagster_tests.support.channels import free_port, webhook

from .conftest import Qgen


@pytest.fixture
def qgen(qgen: Qgen, bank_url: str) -> Qgen:
    """`qgen` on an empty bank: what other tests leave behind would be told too."""
    return partial(qgen, QGEN_DATABASE_URL=bank_url)


def test_check_list_acknowledge_mute_and_test(qgen: Qgen) -> None:
    with webhook() as hook:
        channel = {"QGEN_ALERT_URLS": f"{hook.url}?rto=30&cto=30"}
        checked = qgen("alerts", "check", "--json", **channel)
        assert checked.returncode == 0, checked.stderr
        told = json.loads(checked.stdout)
        assert told["stock"]["title"].startswith("qgen: critical: ")
        assert [d["state"] for d in told["deliveries"]] == ["delivered"]
        assert hook.titles == [told["stock"]["title"]]
        assert qgen("alerts", "test", **channel).returncode == 0

    listed = qgen("alerts", "list")
    assert max(len(line) for line in listed.stdout.splitlines()) <= 80
    rows = json.loads(qgen("alerts", "list", "--json").stdout)["alerts"]
    first = rows[0]["id"]
    shown = qgen("alerts", "show", first[:8])
    assert rows[0]["message"] in shown.stdout
    assert "delivered" in shown.stdout

    assert qgen("alerts", "ack", first[:8], "--by", "duty", "--reason", "on it").stdout == f"{first[:8]} acknowledged\n"
    assert qgen("alerts", "ack", first[:8]).stdout == f"{first[:8]} was not open\n"
    assert "on it" in qgen("alerts", "show", first[:8]).stdout

    quiet = qgen("alerts", "mute", "--until", "8h", "--rule", "stock", "--by", "duty", "--reason", "a quiet night")
    assert quiet.stdout.endswith("about stock, by duty: a quiet night\n")
    assert "Quiet until" in qgen("alerts", "list").stdout
    assert qgen("alerts", "unmute").stdout == "1 mute ended\n"


def test_channels_that_fail_decide_the_exit_code_and_no_address_is_printed(qgen: Qgen) -> None:
    gone = f"json://127.0.0.1:{free_port()}/hook-s3cr3t"
    with webhook() as hook:
        some = qgen("alerts", "test", QGEN_ALERT_URLS=f"{gone} {hook.url}?rto=30&cto=30")
    none = qgen("alerts", "test", QGEN_ALERT_URLS=gone)
    assert (some.returncode, none.returncode) == (1, 2)
    assert "s3cr3t" not in some.stdout + some.stderr + none.stdout + none.stderr


def test_bad_input_is_a_configuration_error_that_says_what_to_do(qgen: Qgen) -> None:
    for args, said in (
        (("test",), "no channel for alerts is configured"),
        (("ack",), "name alerts, or say --all"),
        (("ack", "ffffffff"), "no alert begins with 'ffffffff'"),
        (("mute", "--until", "yesterday"), "--until: 'yesterday' is not a time"),
        (("mute", "--until", "2020-01-01"), "a mute must end in the future"),
        (("mute", "--until", "8h", "--rule", "weather"), "unknown rule: 'weather'"),
        (("check", "--alerting-config", "/no/such.yaml"), "/no/such.yaml: no such file"),
    ):
        done = qgen("alerts", *args)
        assert (done.returncode, said in done.stderr) == (3, True), (args, done.stderr)
