"""Plots: inside their frame whatever the numbers, broken where nothing was measured, and nothing but plain SVG."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from qgen_dagster.api.dashboard.charts import HEIGHT, WIDTH, Series, bar_chart, interval_bar, line_chart, share_bar
from qgen_dagster.api.dashboard.wording import moment, money, number, plural, score, share, span, words

VALUES = st.lists(st.none() | st.floats(-1e6, 1e6) | st.floats(0, 1), max_size=40)


def days(count: int) -> list[datetime]:
    return [datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=n) for n in range(count)]


@given(VALUES)
def test_a_line_stays_inside_its_frame(values: list[float | None]) -> None:
    plot = line_chart("A <b> & more", days(len(values)), [Series("a", "a", values)], unit=lambda v: f"{v:.3g}")
    root = ElementTree.fromstring(plot)  # noqa: S314 - our own
    assert root.get("aria-label") == "A <b> & more"
    dots = len(re.findall("<circle", plot))
    drawn = [pair.split(",") for line in re.findall(r'points="([^"]*)"', plot) for pair in line.split()]
    assert dots + len(drawn) == sum(value is not None for value in values)
    for x, y in drawn:
        assert 0 <= float(x) <= WIDTH
        assert -0.1 <= float(y) <= HEIGHT


@given(st.lists(st.none() | st.floats(0, 1e6), max_size=40))
def test_bars_stand_on_zero_and_inside_their_frame(values: list[float | None]) -> None:
    plot = bar_chart("Cost", days(len(values)), values, unit=money)
    bars = [one.attrib for one in ElementTree.fromstring(plot).iter("rect")]  # noqa: S314 - our own
    assert len(bars) == sum(1 for value in values if value)
    for bar in bars:
        assert 0 <= float(bar["x"]) <= float(bar["x"]) + float(bar["width"]) <= WIDTH + 0.1
        assert 0 <= float(bar["y"]) <= HEIGHT


def test_a_line_is_broken_where_nothing_was_measured() -> None:
    plot = line_chart("", days(6), [Series("", "a", [0.1, 0.2, None, 0.5, 0.4, None])], unit=str)
    assert plot.count("<polyline") == 2


def test_a_share_is_never_wider_than_its_place() -> None:
    assert 'width="100.00"' in share_bar([("inserted", 1.7)])
    assert 'width="0.00"' in share_bar([("inserted", -1)])
    assert "NaN" not in interval_bar(0.0, 0.0, 0.0)


def test_what_was_not_measured_is_a_dash() -> None:
    assert {write(None) for write in (number, share, score, money, span, moment)} == {"–"}
    assert [number(1234.5, 1), share(0.923), share(1.0), score(0.876)] == ["1,234.5", "92.3 %", "100 %", "0.88"]
    assert [money(0), money(0.0042), money(12), span(61), span(7300)] == [
        "$0.00",
        "$0.0042",
        "$12.00",
        "1 min 01 s",
        "2 h 01 min",
    ]
    assert [plural(1, "batch"), plural(2, "batch"), words("low_score")] == ["1 batch", "2 batches", "low score"]
