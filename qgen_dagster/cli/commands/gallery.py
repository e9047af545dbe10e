"""`qgen gallery`: a page with samples of every item model.

Not here: which samples (`services/gallery.py`) and how they look (`services/gallery_page.py`).
"""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from qgen_dagster.cli.app import Command, make_app
from qgen_dagster.cli.flags import CommonFlags, StrataFlags, with_flags
from qgen_dagster.config.paths import typed_path
from qgen_dagster.core.errors import ConfigurationError

EXAMPLES = """
Examples:
  qgen gallery --open                            in the browser
  qgen gallery --types spatial --per-model 10    ten of each, one type
  qgen gallery --output - --seed 7 > page.html   other items
"""

MAX_PER_MODEL = 100

app = make_app()


@app.command(cls=Command, epilog=EXAMPLES)
@with_flags
def gallery(
    strata: StrataFlags,
    common: CommonFlags,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to; - is standard output [under QGEN_HOME]."),
    ] = None,
    per_model: Annotated[
        int, typer.Option(metavar="N", min=1, max=MAX_PER_MODEL, help="Items of each model at each difficulty.")
    ] = 2,
    seed: Annotated[str, typer.Option(metavar="TEXT", help="Another seed, other items.")] = "gallery",
    browser: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
) -> None:
    """Write one web page with a sample of every item model, keys folded away."""
    from qgen_dagster.cli.files import written
    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services.gallery import collect
    from qgen_dagster.services.gallery_page import gallery_page

    settings = load_settings()
    file = output or _usual_place(settings.home)
    if file == "-" and (browser or common.json):
        raise ConfigurationError(f"{'--open' if browser else '--json'} needs a file: the page goes to standard output")
    wanted = settings.taxonomy.select(**strata.values(settings))
    samples = collect(settings.taxonomy, wanted, per_model, seed)
    if not samples:
        raise ConfigurationError("no item model serves these types and difficulties")
    with written(file) as stream:
        stream.write(gallery_page(samples, seed))
    if file != "-":
        said = Output(as_json=common.json)
        said.json({"page": file, "models": sum(len(group.models) for group in samples)})
        said.show(file)
        if browser:
            _open(file)


def _usual_place(home: Path) -> str:
    folder = home / "pages"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{folder}: cannot be written: {error.strerror or error}") from error
    return str(folder / "gallery.html")


def _open(file: str) -> None:
    """In the browser; without a terminal there is nobody to look."""
    if sys.stdout.isatty():
        webbrowser.open(typed_path(file).resolve().as_uri())
