from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from qgen_dagster.cli.moments import moment
from qgen_dagster.cli.output import compact
from qgen_dagster.core.errors import ConfigurationError

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "ago"),
    [
        ("90m", timedelta(minutes=90)),
        ("90 min", timedelta(minutes=90)),
        ("2h", timedelta(hours=2)),
        ("3d", timedelta(days=3)),
        ("1w", timedelta(weeks=1)),
        ("30s", timedelta(seconds=30)),
    ],
)
def test_how_long_ago_is_counted_from_now(given: str, ago: timedelta) -> None:
    assert moment("--since", given, NOW) == NOW - ago


def test_a_day_begins_on_this_machine_s_clock_and_a_zone_counts() -> None:
    assert moment("--since", "2026-03-01") == datetime(2026, 3, 1).astimezone()
    assert moment("--since", "2026-03-01T14:30:00+00:00") == datetime(2026, 3, 1, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize("given", ["yesterday", "", "2h ago", "-3d", "2026-13-01", "9999999d", "999999w"])
def test_what_is_no_time_is_refused_with_what_is(given: str) -> None:
    with pytest.raises(ConfigurationError, match="--since") as caught:
        moment("--since", given, NOW)
    assert "2h" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "–"), (0, "0"), (999, "999"), (999.6, "1.0k"), (1_000, "1.0k"), (9_949, "9.9k"), (99_940, "99.9k"),
        (99_960, "100k"), (999_499, "999k"), (999_600, "1.0M"), (1_250_000, "1.2M"), (3_000_000_000, "3.0G"),
    ],
)  # fmt: skip
def test_a_large_number_fits_into_five_characters(number: float | None, text: str) -> None:
    assert compact(number) == text
    assert len(text) <= 5
