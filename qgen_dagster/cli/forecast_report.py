"""What a planned run will ask of language models, as a table and as JSON.

Not here: the numbers (`services/forecast.py`, `tracking/estimate.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qgen_dagster.cli.output import Output, compact, counted, heading, make_table, money

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qgen_dagster.services.forecast import Forecast
    from qgen_dagster.tracking.estimate import Maker

_NOUNS = {"solve": "answers", "arbitrate": "scores", "compare": "comparisons"}
NOBODY = "The item models make and judge these questions: no calls, no cost."


def forecast_json(found: Forecast) -> dict[str, Any]:
    """The forecast for --json."""
    e = found.estimate
    return {
        "at_most": e.at_most,
        "calls": e.calls,
        "input_tokens": e.input_tokens,
        "output_tokens": e.output_tokens,
        "cost_usd": e.usd,
        "unpriced": list(e.unpriced),
        "budget_usd": found.limit_usd,
        "requested": sum(p.requested for p in e.portions),
        "measured": None
        if e.rates is None
        else {
            "runs": e.rates.runs,
            "questions": e.rates.questions,
            "generate_calls_per_batch": e.rates.per_batch,
            "calls_per_question": dict(e.rates.per_question),
        },
        "lines": [
            {
                "purpose": line.purpose,
                "provider": found.providers[line.model],
                "model": line.model,
                "calls": line.calls,
                "input_tokens": line.input_tokens,
                "output_tokens": line.output_tokens,
                "cost_usd": line.usd,
                "measured_calls": line.measured,
            }
            for line in e.lines
        ],
        "makers": {name: [_maker_json(maker) for maker in makers] for name, makers in _by_type(found).items()},
    }


def show_forecast(output: Output, found: Forecast) -> None:
    """Prints calls, tokens and cost, who makes and judges, and where the numbers are from."""
    e = found.estimate
    if not e.lines:
        output.show(NOBODY, gap=True)
        return
    atmost = "at most " if e.at_most else ""
    total = f"{atmost}{counted(e.calls, 'call')}, {money(e.usd)}"
    output.show(heading(f"Language models: {total}"), _table(output, found), gap=True)
    width = output.console.width
    for line in (*_who(found), *_explained(found)):
        for part in _wrapped(line, width):
            output.show(part)


def _table(output: Output, found: Forecast) -> Any:
    rows = [
        [
            line.purpose,
            f"{found.providers[line.model]}/{line.model}",
            f"{line.calls:,}",
            compact(line.input_tokens),
            compact(line.output_tokens),
            money(line.usd),
            "measured" if line.measured else "at most",
        ]
        for line in found.estimate.lines
    ]
    headers = ["purpose", "model", "calls", "in", "out", "cost", "tokens"]
    return make_table(headers, rows, width=output.console.width, right=["calls", "in", "out", "cost"], flexible="model")


def _who(found: Forecast) -> Iterator[str]:
    """Types with the same maker, and so the same judges, on one line."""
    yield ""
    groups: dict[Maker | None, list[str]] = {}
    for name, makers in _by_type(found).items():
        for maker in makers or (None,):
            groups.setdefault(maker, []).append(name)
    for one, types in groups.items():
        names = ", ".join(types)
        if one is None:
            yield f"{names}: made and judged by item models"
            continue
        part = "every other batch " if one.share < 1 else ""
        yield f"{names}: {part}made by {_named(found, one.model)}; {_judges(one)}"


def _judges(maker: Maker) -> str:
    if not maker.solvers or not maker.arbiters:
        return "nobody can judge them, so they wait (qgen doctor)"
    return f"solved by {', '.join(dict.fromkeys(maker.solvers))}; scored by {maker.arbiters[0]}"


def _explained(found: Forecast) -> Iterator[str]:
    e = found.estimate
    yield ""
    requested, wanted = sum(p.requested for p in e.portions), sum(p.wanted for p in e.portions)
    if requested > wanted:
        yield f"{requested:,} are asked for so that about {wanted:,} reach the bank, as the last batches yielded."
    if e.rates is None:
        yield (
            "No run was measured yet: at most one call a batch, three answers, two scores and one comparison a "
            "question, with the most tokens that each may use; calls that fail and are made again come on top."
        )
    else:
        rates = ", ".join(f"{rate:.2f} {_NOUNS[purpose]}" for purpose, rate in e.rates.per_question.items())
        yield (
            f"Calls as in the last {counted(e.rates.runs, 'run')} ({counted(e.rates.questions, 'question')}): "
            f"{e.rates.per_batch:.2f} a batch; {rates} a question. Tokens as in the last calls of each model; "
            "prices of today."
        )
    if e.unpriced:
        yield f"Without a price, so not in the cost: {', '.join(e.unpriced)}. Give one in models.yaml (QGEN_MODELS)."
    limit = found.limit_usd
    if limit is not None and limit < e.usd:
        yield f"Budget: {money(limit)} may be spent. The run stops there, and what it left waits for qgen resume."


def _by_type(found: Forecast) -> dict[str, tuple[Maker, ...]]:
    return {portion.question_type: portion.makers for portion in found.estimate.portions}


def _maker_json(maker: Maker) -> dict[str, Any]:
    return {
        "model": maker.model,
        "share": maker.share,
        "solvers": list(maker.solvers),
        "arbiters": list(maker.arbiters),
    }


def _named(found: Forecast, model: str) -> str:
    provider = found.providers.get(model)
    return f"{model} ({provider})" if provider else model


def _wrapped(line: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(line, max(40, width), break_long_words=False, break_on_hyphens=False) or [""]
