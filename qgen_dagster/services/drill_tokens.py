"""What a series' positions cost in prompts: counted by the provider that designs it, and measured on its calls.

A plan counts without asking anybody, with the tokenizer that is at hand. Where the model that then designs is of a
provider that counts for whoever asks, its figures take the place of those; a provider that does not answer leaves them.
Not here: counting at hand (`drills/library.py`), the providers' endpoints (`generation/providers/`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial

from qgen_dagster.bank import drills as rows
from qgen_dagster.bank import journal
from qgen_dagster.bank import positions as position_rows
from qgen_dagster.bank.drills import StoredDrillBatch, StoredSeries
from qgen_dagster.bank.engine import Transaction
from qgen_dagster.core.errors import DatabaseError, QgenError
from qgen_dagster.core.progress import Notice
from qgen_dagster.drills.library import render_for_prompt
from qgen_dagster.generation.calls import Call
from qgen_dagster.generation.jobs import Job
from qgen_dagster.generation.provider import ProviderError
from qgen_dagster.services.calls import COUNT, digest_of
from qgen_dagster.services.desk import Desk
from qgen_dagster.services.drill_runs import SeriesRun
from qgen_dagster.services.plan_drills import cost_of

TIMEOUT_SECONDS = 15.0
KINDS = ("loaded", "fixed")  # of `StoredSeries.positions`


def counting(run: SeriesRun) -> list[Job]:
    """The job that has the positions counted by the provider of the model that designs.

    None where that provider counts for nobody, or has done it. The job goes beside the batches and fails none of them.
    """
    desk, model = run.designers.desk, run.designers.first
    if desk is None or model is None or not desk.counts_tokens(model):
        return []
    method = f"the tokenizer of {desk.provider_of(model)}/{model}"
    series = run.series
    return [partial(_count, run, desk, series, model, method)] if cost_of(series).counted_with != method else []


async def _count(run: SeriesRun, desk: Desk, series: StoredSeries, model: str, method: str) -> None:
    cost, texts = cost_of(series), _texts(run, series)

    async def count(kind: str) -> int:
        call = Call(COUNT, digest_of(COUNT, series.id, model, kind))
        route = desk.counting_route(model, texts[kind], timeout_seconds=TIMEOUT_SECONDS)
        return int((await run.calls.caller.call(call, [route])).text)

    try:
        tokens, fixed_tokens = [await count(kind) for kind in KINDS]
    except DatabaseError:
        raise
    except Exception as error:
        said = error.message if isinstance(error, (ProviderError, QgenError)) else type(error).__name__
        run.progress(Notice(f"{said}; the tokens of the positions stay counted with {cost.counted_with}."))
        return
    with run.bank.begin() as tx:
        counted = replace(cost, tokens=tokens, fixed_tokens=fixed_tokens, counted_with=method)
        rows.put_position_cost(tx, series.id, asdict(counted))


def _texts(run: SeriesRun, series: StoredSeries) -> dict[str, str]:
    """The positions of each kind as prompts show them."""
    with run.bank.begin() as tx:
        found = position_rows.get_positions(tx, {id_ for kind in KINDS for id_ in series.positions[kind]})
    return {kind: "\n\n".join(render_for_prompt(found[id_]) for id_ in series.positions[kind]) for kind in KINDS}


def measure(tx: Transaction, series: StoredSeries, batches: Sequence[StoredDrillBatch]) -> None:
    """Records what the providers report that the series' calls took, of all runs on it."""
    calls, tokens = journal.input_tokens(tx, [batch.id for batch in batches])
    cost = replace(cost_of(series), measured_calls=calls, measured_tokens=tokens)
    rows.put_position_cost(tx, series.id, asdict(cost))
