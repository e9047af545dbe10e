"""When schedules start: what the environment says, and what it cannot say."""

from __future__ import annotations

import pytest

from qgen_dagster.config.clock import ScheduleTimes, parse_schedule_times
from qgen_dagster.core.errors import ConfigurationError


def test_without_variables_the_times_that_ship_hold() -> None:
    assert parse_schedule_times({}) == ScheduleTimes("0 2 * * *", "0 4 * * 0", "30 5 * * 0", "UTC")
    assert parse_schedule_times({"QGEN_NIGHTLY_CRON": " ", "QGEN_TIMEZONE": ""}) == ScheduleTimes()


@pytest.mark.parametrize("cron", ["30 1 * * 1-5", "*/15 0,12 1-7 JAN-MAR MON", " 0   3 * * 0 "])
def test_a_cron_expression_has_five_fields(cron: str) -> None:
    times = parse_schedule_times({"QGEN_AUDIT_CRON": cron, "QGEN_TIMEZONE": "Europe/Paris"})
    assert times.audit == " ".join(cron.split())
    assert (times.nightly, times.timezone) == ("0 2 * * *", "Europe/Paris")


@pytest.mark.parametrize(
    "cron", ["2", "0 2 * *", "0 2 * * * *", "0 2 * * ;", "@daily", "02:00", "0 2 ** * *", "0 2 -1 * *"]
)
@pytest.mark.parametrize("name", ["QGEN_NIGHTLY_CRON", "QGEN_AUDIT_CRON", "QGEN_RETENTION_CRON"])
def test_what_is_no_cron_expression_is_refused_by_name(name: str, cron: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        parse_schedule_times({name: cron})


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "Europe", "UTC+25"])
def test_a_time_zone_that_does_not_exist_is_refused(zone: str) -> None:
    with pytest.raises(ConfigurationError, match="QGEN_TIMEZONE"):
        parse_schedule_times({"QGEN_TIMEZONE": zone})
