"""A figure of a question as part of a page: a plain drawing as it is, anything else as an image.

A figure may come from an imported file. Set into the page it takes the page's ink, light or dark; but what is more than
lines, shapes and words could hold links, forms or scripts. As an image it can do nothing, on paper of its own. Pure.
Not here: how items look otherwise (`item_html.py`), making figures (`generation/items/svg.py`).
"""

from __future__ import annotations

import base64
from functools import lru_cache
from xml.etree import ElementTree

NAMESPACE = "{http://www.w3.org/2000/svg}"
ELEMENTS = frozenset(
    ("svg", "g", "path", "line", "rect", "circle", "ellipse", "polyline", "polygon", "text", "tspan", "title", "desc")
)
ATTRIBUTES = frozenset(
    (
        *("viewBox", "width", "height", "role", "aria-label", "transform", "d", "points", "pathLength"),
        *("x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "dx", "dy"),
        *("fill", "fill-opacity", "fill-rule", "stroke", "stroke-width", "stroke-opacity", "stroke-linecap"),
        *("stroke-linejoin", "stroke-dasharray", "stroke-dashoffset", "opacity", "vector-effect"),
        *("font-family", "font-size", "font-weight", "font-style", "text-anchor", "dominant-baseline"),
    )
)
_REFUSED = ("<!", "<?", "url(", "javascript:")


def figure_html(svg: str) -> str:
    """The figure as HTML."""
    return svg if is_plain(svg) else _as_image(svg)


@lru_cache(maxsize=512)
def is_plain(svg: str) -> bool:
    """Whether the drawing is well-formed and holds nothing but shapes and words."""
    if any(part in svg.lower() for part in _REFUSED):
        return False
    try:
        root = ElementTree.fromstring(svg)  # noqa: S314 - no document type, so no entities
    except ElementTree.ParseError:
        return False
    return all(_is_plain_element(element) for element in root.iter())


def _is_plain_element(element: ElementTree.Element) -> bool:
    return element.tag.removeprefix(NAMESPACE) in ELEMENTS and ATTRIBUTES.issuperset(element.attrib)


def _as_image(svg: str) -> str:
    coded = base64.b64encode(svg.encode()).decode()
    return f'<img class="paper" alt="Figure" src="data:image/svg+xml;base64,{coded}">'
