"""Pictures for the Dagster UI: the stock as a heatmap, a funnel as bars. Plain SVG, light and dark.

Not here: numbers (`services/stage_report.py`), and figures of questions (they come with the question).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

from qgen_dagster.core.funnel import Funnel
from qgen_dagster.core.inventory import InventoryAnalysis, StockLevel, StratumInventory

# Fill and text colours with a contrast of at least 4.5:1, readable on a light and on a dark page.
LEVEL_COLOURS = {
    StockLevel.HEALTHY: ("#1b7f4b", "#ffffff"),
    StockLevel.LOW: ("#b7d7a8", "#1c2b1c"),
    StockLevel.WARNING: ("#f4b942", "#2b1d00"),
    StockLevel.CRITICAL: ("#b3261e", "#ffffff"),
}
_CELL_W, _CELL_H, _LEFT, _TOP = 112, 44, 110, 30
_BAR_H, _BAR_GAP, _BAR_LEFT, _BAR_MAX = 22, 8, 170, 360
MUTED = "#7a828e"


def stock_heatmap(analysis: InventoryAnalysis) -> str:
    """Types down, difficulties across; each cell with its count, target and level in words as well as colour."""
    types = list(dict.fromkeys(s.stratum.question_type for s in analysis.strata))
    levels = list(dict.fromkeys(s.stratum.difficulty for s in analysis.strata))
    cells = [
        _cell(
            s,
            _LEFT + levels.index(s.stratum.difficulty) * _CELL_W,
            _TOP + types.index(s.stratum.question_type) * _CELL_H,
        )
        for s in analysis.strata
    ]
    across = [_label(_LEFT + (i + 0.5) * _CELL_W, _TOP - 10, name, "middle") for i, name in enumerate(levels)]
    down = [_label(_LEFT - 10, _TOP + (i + 0.5) * _CELL_H + 5, name, "end") for i, name in enumerate(types)]
    width, height = _LEFT + len(levels) * _CELL_W + 4, _TOP + len(types) * _CELL_H + 4
    return _svg(width, height, "Stock per stratum", [*across, *down, *cells])


def funnel_bars(funnel: Funnel) -> str:
    """Requested, generated, each loss, and inserted, as bars on one scale."""
    rows: list[tuple[str, int, str]] = [("requested", funnel.requested, "#4c6fbf")]
    rows.append(("generated", funnel.generated, "#4c6fbf"))
    rows += [(loss.value.replace("_", " "), count, "#c2703d") for loss, count in funnel.losses.items() if count]
    if funnel.pending:
        rows.append(("waiting", funnel.pending, MUTED))
    rows.append(("inserted", funnel.inserted, "#1b7f4b"))
    scale = _BAR_MAX / max(1, *(count for _, count, _ in rows))
    shapes = [shape for i, row in enumerate(rows) for shape in _bar(i, *row, scale)]
    return _svg(_BAR_LEFT + _BAR_MAX + 70, len(rows) * (_BAR_H + _BAR_GAP) + 8, "Funnel", shapes)


def figure_as_markdown_image(figure: str, alt: str) -> str:
    """A question's figure on paper: as an image it does not inherit the page's ink, and would be black on dark."""
    return as_markdown_image(figure.replace("<svg ", '<svg style="background:#fff;color:#1a1a1a" ', 1), alt)


def as_markdown_image(svg: str, alt: str) -> str:
    """The picture as a Markdown image that needs no file and no server."""
    return f"![{alt}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"


def _cell(stock: StratumInventory, x: float, y: float) -> str:
    fill, ink = LEVEL_COLOURS[stock.level]
    middle = x + _CELL_W / 2
    return (
        f'<rect x="{x + 2}" y="{y + 2}" width="{_CELL_W - 4}" height="{_CELL_H - 4}" rx="4" fill="{fill}"/>'
        f'<text x="{middle}" y="{y + 19}" text-anchor="middle" fill="{ink}" font-size="14" font-weight="600">'
        f"{stock.current_count} / {stock.target_count}</text>"
        f'<text x="{middle}" y="{y + 35}" text-anchor="middle" fill="{ink}" font-size="11">{stock.level.value}</text>'
    )


def _bar(index: int, name: str, count: int, colour: str, scale: float) -> Sequence[str]:
    y = 4 + index * (_BAR_H + _BAR_GAP)
    width = max(2.0, count * scale)
    return (
        _label(_BAR_LEFT - 10, y + 16, name, "end"),
        f'<rect x="{_BAR_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR_H}" rx="3" fill="{colour}"/>',
        _label(_BAR_LEFT + width + 8, y + 16, f"{count:,}", "start"),
    )


def _label(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{MUTED}" font-size="13">{escape(text)}</text>'


def _svg(width: float, height: float, title: str, shapes: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" role="img" font-family="system-ui, sans-serif"><title>{escape(title)}</title>'
        f"{''.join(shapes)}</svg>"
    )
