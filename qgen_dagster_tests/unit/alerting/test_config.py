"""alerting.yaml: what is refused, and how it is said; the names of rules and channels."""

from __future__ import annotations

from pathlib import Path

import pytest

from qgen_dagster.alerting.channels import channel_name, channels_for, without_secrets
from qgen_dagster.alerting.run_rules import rule_names
from qgen_dagster.config.alerting import AlertingConfig, RunRules, rules_of
from qgen_dagster.config.loading import load_yaml
from qgen_dagster.config.settings import PACKAGED
from qgen_dagster.core.alert import AlertSeverity
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.services.alert_desk import known_rules


def refused(tmp_path: Path, text: str) -> str:
    file = tmp_path / "alerting.yaml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_yaml(file, AlertingConfig)
    return str(caught.value).replace(str(tmp_path), "")


def test_the_file_that_ships_says_what_the_code_takes_for_granted() -> None:
    assert load_yaml(PACKAGED / "alerting.yaml", AlertingConfig) == AlertingConfig()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("healthy_min: 3\n", "/alerting.yaml:1: healthy_min: unknown key here (it belongs under inventory)"),
        (
            "inventory:\n  healthy_min: 3\n  global_minutes: 3\n",
            "/alerting.yaml:3: inventory.global_minutes: unknown key here (it belongs under cooldowns)",
        ),
        (
            "run_rules:\n  low_succes: {}\n",
            "/alerting.yaml:2: run_rules.low_succes: unknown key (did you mean low_success",
        ),
        (
            "inventory:\n  healthy_min: 60\n  warning_min: 20\n  critical_min: 30\n",
            "/alerting.yaml:4: inventory.critical_min: thresholds out of order: critical_min 30 is above",
        ),
        ("cooldowns:\n  max_per_hour: 0\n", "/alerting.yaml:2: cooldowns.max_per_hour: Input should be greater than"),
        (
            "run_rules:\n  silence:\n    severity: loud\n",
            "/alerting.yaml:3: run_rules.silence.severity: Input",
        ),
        ("links:\n  dagster: ftp://x\n", "/alerting.yaml:2: links.dagster: "),
    ],
)
def test_each_fault_is_named_with_its_line_and_key(tmp_path: Path, text: str, message: str) -> None:
    assert message in refused(tmp_path, text)


def test_an_address_in_the_file_is_refused_without_showing_it(tmp_path: Path) -> None:
    said = refused(tmp_path, "channels:\n  all: ['slack://T1JJ3T3L2/A1BRTD4JD/secret']\n")
    assert "/alerting.yaml:2: channels.all: entry 1 is not ${NAME}" in said
    assert "secret" not in said


def test_a_variable_that_the_file_names_must_be_set() -> None:
    channels = AlertingConfig().channels.model_copy(update={"critical": ("${PAGER}",)})
    config = AlertingConfig(channels=channels)
    with pytest.raises(ConfigurationError, match=r"channels name \$\{PAGER\}, which is not set"):
        channels_for(config, {})
    assert [c.name for c in channels_for(config, {"PAGER": "json://a"})] == [channel_name("json://a")]


def test_channels_by_severity_each_once() -> None:
    environ = {"QGEN_ALERT_URLS": "json://a\njson://b json://a", "QGEN_ALERT_URLS_CRITICAL": "json://b json://c"}

    def count(severity: AlertSeverity | None) -> int:
        return len(channels_for(AlertingConfig(), environ, severity))

    assert (count(AlertSeverity.WARNING), count(AlertSeverity.CRITICAL), count(None)) == (2, 3, 3)


def test_what_is_no_address_is_refused_without_showing_it() -> None:
    with pytest.raises(ConfigurationError) as caught:
        channels_for(AlertingConfig(), {"QGEN_ALERT_URLS": "json://a hunter2"})
    assert caught.value.message == "QGEN_ALERT_URLS: entry 2 is not an address"


def test_errors_keep_the_host_of_a_mail_server_and_nothing_else_of_an_address() -> None:
    address = "mailtos://joe:pa%40ssword@mail.example.org:587?to=duty@example.org"
    said = without_secrets("connecting to mail.example.org:587 as joe with pa@ssword or pa%40ssword failed", address)
    assert said == "connecting to mail.example.org:587 as joe with *** or *** failed"


def test_every_rule_has_a_block_in_the_file_and_a_name_for_the_command_line() -> None:
    assert set(rule_names()) == set(rules_of(RunRules()))
    assert set(known_rules()) == {"stock", *rule_names()}
