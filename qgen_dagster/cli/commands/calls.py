"""`qgen calls`: the journal of provider calls as an operator reads it.

Not here: the rows (`bank/call_list.py`), making calls (`generation/calls.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from qgen_dagster.cli.app import Command, make_app
from qgen_dagster.cli.flags import CommonFlags, LimitFlag, with_flags
from qgen_dagster.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.text import Text

    from qgen_dagster.bank.call_list import StoredCall
    from qgen_dagster.cli.output import Output

_WIDE = 130  # columns from which on an error has a place in its line
_MAX_ID = 2**63 - 1
LIST_EXAMPLES = """
Examples:
  qgen calls list --failed --since 24h
  qgen calls list --run 3f2a91c0 --purpose solve
  qgen calls list --json --limit 1000 | jq '[.calls[].cost_usd // 0] | add'
"""
SHOW_EXAMPLES = """
Examples:
  qgen calls show 8412
  qgen calls show 8412 --json | jq -r .reply
"""

app = make_app(help="List the calls to providers, or show one whole.")


@app.command("list", cls=Command, epilog=LIST_EXAMPLES)
@with_flags
def list_(
    common: CommonFlags,
    run: Annotated[str | None, typer.Option(metavar="ID", help="Only of this run (its first characters do).")] = None,
    purpose: Annotated[
        str | None,
        typer.Option(metavar="WHAT", help="Only these: generate, solve, arbitrate, compare, embed or check."),
    ] = None,
    provider: Annotated[str | None, typer.Option(metavar="NAME", help="Only to this provider.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only calls that brought no usable reply.")] = False,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only from then on: 90m, 2h, 3d or 2026-03-01.")
    ] = None,
    limit: LimitFlag = 20,
    before: Annotated[
        int | None, typer.Option(metavar="CALL", min=1, max=_MAX_ID, help="Only calls older than this one.")
    ] = None,
) -> None:
    """List calls to providers, newest first: tokens in/out (of those in, read from the provider's cache), cost, time.

    A dash means: not known, or nothing charged. Calls of the built-in item models are listed too.
    """
    from qgen_dagster.bank.call_list import CallFilter, list_calls
    from qgen_dagster.cli.moments import moment
    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.recovery import resolve_run_id

    _check_names(purpose, provider)
    start = moment("--since", since) if since else None
    output = Output(as_json=common.json)
    with open_bank(load_settings()) as bank:
        run_id = resolve_run_id(bank, run) if run else None
        chosen = CallFilter(run_id, purpose, provider, failed, start, before)
        with bank.begin() as tx:
            found = list_calls(tx, chosen, limit)
    older = found[-1].id if len(found) == limit else None
    output.json({"calls": [_as_json(call) for call in found], "before": older})
    if not common.json:
        _print_list(output, found)
        if older is not None:
            output.note(f"Older ones: the same with --before {older}")


@app.command(cls=Command, epilog=SHOW_EXAMPLES)
@with_flags
def show(
    common: CommonFlags,
    call: Annotated[int, typer.Argument(help="A call's number, from the list.", min=1, max=_MAX_ID)],
) -> None:
    """Show one call: whom it went to, what it was for, what it used, and the whole reply or error."""
    from qgen_dagster.bank.call_list import get_call
    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services.database import open_bank

    with open_bank(load_settings()) as bank, bank.begin() as tx:
        found = get_call(tx, call)
    if found is None:
        raise ConfigurationError(f"no call {call}", hint="See the calls with: qgen calls list")
    output = Output(as_json=common.json)
    output.json(_as_json(found) | {"reply": found.reply})
    if not common.json:
        _print_call(output, found)


def _check_names(purpose: str | None, provider: str | None) -> None:
    from qgen_dagster.generation.providers.registry import FAMILIES
    from qgen_dagster.services.calls import PURPOSES

    for flag, given, known in (("--purpose", purpose, PURPOSES), ("--provider", provider, (*FAMILIES, "procedural"))):
        if given is not None and given not in known:
            import difflib

            close = difflib.get_close_matches(given, known, n=1)
            hint = f"Did you mean {close[0]}?" if close else f"Known: {', '.join(known)}."
            raise ConfigurationError(f"{flag}: {given!r} is not one of them", hint=hint)


def _as_json(call: StoredCall) -> dict[str, Any]:
    names = (name for name in type(call).__dataclass_fields__ if name != "reply")
    return {name: getattr(call, name) for name in names}


def _print_list(output: Output, found: Sequence[StoredCall]) -> None:
    if not found:
        output.note("No calls.")
        return
    for line in _lines(found, output.console.width):
        output.show(line)


def _lines(found: Sequence[StoredCall], width: int) -> Iterator[Text]:
    """A line per call; an error stands at its end, or below it where the lines are short."""
    from rich.text import Text

    from qgen_dagster.cli.output import cut, styled

    wide = width >= _WIDE
    rows = [_cells(call) for call in found]
    headers = ["call", "time", "purpose", "model", "in", "out", "cached", "cost", "took"]
    right = {"call", "in", "out", "cached", "cost", "took"}
    widths = [max(len(h), *(len(row[i]) for row in rows)) for i, h in enumerate(headers)]
    model = headers.index("model")
    if not wide:
        room = width - sum(w + 1 for i, w in enumerate(widths) if i != model)
        widths[model] = max(12, min(widths[model], room))

    def line(cells: Sequence[str]) -> str:
        parts = [
            cut(c, w).rjust(w) if h in right else cut(c, w).ljust(w)
            for h, c, w in zip(headers, cells, widths, strict=True)
        ]
        return ("  " if wide else " ").join(parts)

    yield styled(line(headers) + ("  error" if wide and any(c.error_category for c in found) else ""), "bold")
    for call, cells in zip(found, rows, strict=True):
        text = Text(line(cells), no_wrap=True, overflow="ignore")
        if call.error_category is not None:
            said = f"{call.error_category}: {call.error or call.fault or ''}".rstrip(": ")
            text.append(f"  {' '.join(said.split())}" if wide else f"\n  {cut(said, width - 2)}", style="red")
        yield text


def _cells(call: StoredCall) -> list[str]:
    from qgen_dagster.cli.output import compact, money, span

    return [
        str(call.id),
        f"{call.created_at.astimezone():%m-%d %H:%M:%S}",
        call.purpose,
        _model(call),
        compact(call.input_tokens),
        compact(call.output_tokens),
        compact(call.cached_tokens),
        money(call.cost_usd),
        span(call.latency_seconds).replace(" ", ""),
    ]


def _model(call: StoredCall) -> str:
    return f"{call.provider}/{call.model}" if call.model else call.provider


def _print_call(output: Output, call: StoredCall) -> None:
    from qgen_dagster.cli.output import heading, money, pairs, span

    tokens = None
    if call.input_tokens is not None or call.output_tokens is not None:
        tokens = f"{call.input_tokens or 0:,} in ({call.cached_tokens or 0:,} cached), {call.output_tokens or 0:,} out"
    facts = [
        ("time", f"{call.created_at.astimezone():%Y-%m-%d %H:%M:%S %z}"),
        ("purpose", call.purpose),
        ("model", _model(call)),
        ("prompt", call.prompt_version),
        ("tokens", tokens),
        ("cost", money(call.cost_usd)),
        ("took", span(call.latency_seconds)),
        ("run", call.run_id),
        ("batch", call.batch_id),
        ("candidate", call.candidate_id),
        ("request", call.request_hash),
        ("failed", f"{call.error_category} ({call.fault})" if call.error_category else None),
    ]
    output.show(heading(f"Call {call.id}"), pairs(facts))
    if call.error is not None:
        output.show(heading("Error"), call.error, gap=True)
    if call.reply is not None:
        output.show(heading("Reply"), _readable(call.reply), gap=True)


def _readable(reply: str) -> str:
    """JSON over several lines; anything else as it came."""
    import json

    try:
        return json.dumps(json.loads(reply), indent=2, ensure_ascii=False)
    except ValueError:
        return reply
