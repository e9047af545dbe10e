"""The SQL that sums runs up, for `run_days.py`: what each measure is, per dimension.

Not here: running it, and what the sums mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from qgen_dagster.bank.operations_tables import RUN_DAY_COUNTS, RUN_DAY_EXTREMES, RUN_DAY_SUMS, RUN_DAY_TOKENS

Dimension = Literal["run", "provider", "stratum", "error"]
Group = Literal["day", "hour", "environment", "prompt_version"]
DIMENSIONS: tuple[Dimension, ...] = ("run", "provider", "stratum", "error")
MEASURES = (*RUN_DAY_COUNTS, *RUN_DAY_SUMS, *RUN_DAY_TOKENS, *RUN_DAY_EXTREMES, "cost_usd")

_GROUPS = {
    "day": "(r.started_at AT TIME ZONE 'UTC')::date",
    "hour": "date_trunc('hour', r.started_at, 'UTC')",
    "environment": "coalesce(r.environment, '')",
    "prompt_version": "coalesce(r.prompt_version, '')",
}
_REJECTED = ("flawed", "low_score", "leaked", "wrong_key", "ambiguous", "off_band")
_NUMBER = "coalesce((p.value->>'{0}')::int, 0)"
_STRATUM_NUMBER = "coalesce((s.value->>'{0}')::int, 0)"
_LOST = "coalesce((s.value->'losses'->>'{0}')::int, 0)"

# What each measure is, per dimension, over the runs `r`. A measure that is missing is 0 (or null).
_OF_RUN = {
    "failed_runs": "(r.status IN ('failed', 'killed'))::int",
    "requested": "r.questions_requested",
    "generated": "r.questions_generated",
    "generation_failures": "r.generation_failures",
    "evaluated": "r.questions_evaluated",
    "approved": "r.questions_approved",
    "rejected": "r.questions_rejected",
    "duplicates": "r.duplicates_found",
    "exact_duplicates": "r.exact_duplicates",
    "semantic_duplicates": "r.semantic_duplicates",
    "inserted": "r.questions_inserted",
    "insertion_failures": "r.insertion_failures",
    "errors": "r.total_errors",
    "api_calls": "r.total_api_calls",
    "unpriced_calls": "r.unpriced_calls",
    "priced_inserted": "CASE WHEN r.cost_usd IS NULL THEN 0 ELSE r.questions_inserted END",
    "timed_runs": "(r.duration_seconds IS NOT NULL)::int",
    "timed_requested": "CASE WHEN r.duration_seconds IS NULL THEN 0 ELSE r.questions_requested END",
    "timed_inserted": "CASE WHEN r.duration_seconds IS NULL THEN 0 ELSE r.questions_inserted END",
    "seconds": "coalesce(r.duration_seconds, 0)",
    "seconds2": "coalesce(r.duration_seconds, 0) ^ 2",
    "input_tokens": "r.input_tokens",
    "output_tokens": "r.output_tokens",
    "lowest_score": "r.min_arbiter_score",
    "highest_score": "r.max_arbiter_score",
    "cost_usd": "r.cost_usd",
    "inserted2": "r.questions_inserted::float8 ^ 2",
    "inserted_requested": "r.questions_inserted::float8 * r.questions_requested",
    "requested2": "r.questions_requested::float8 ^ 2",
}
_OF_PROVIDER = {
    "failed_runs": "(r.status IN ('failed', 'killed'))::int",
    "generated": _NUMBER.format("generated"),
    "evaluated": _NUMBER.format("evaluated"),
    "approved": _NUMBER.format("approved"),
    "rejected": f"{_NUMBER.format('evaluated')} - {_NUMBER.format('approved')}",
    "inserted": _NUMBER.format("inserted"),
    "errors": _NUMBER.format("failures"),
    "api_calls": _NUMBER.format("api_calls"),
    "unpriced_calls": _NUMBER.format("unpriced_calls"),
    "priced_inserted": f"CASE WHEN p.value->>'cost_usd' IS NULL THEN 0 ELSE {_NUMBER.format('inserted')} END",
    "input_tokens": "(p.value->>'input_tokens')::bigint",
    "output_tokens": "(p.value->>'output_tokens')::bigint",
    "cost_usd": "(p.value->>'cost_usd')::numeric",
}
_OF_STRATUM = {
    "requested": f"{_STRATUM_NUMBER.format('requested')} + {_STRATUM_NUMBER.format('reclassified_in')}"
    f" - {_STRATUM_NUMBER.format('reclassified_out')}",
    "generated": _STRATUM_NUMBER.format("generated"),
    "rejected": f"CASE s.value->'losses' WHEN '{{}}' THEN 0 ELSE {' + '.join(map(_LOST.format, _REJECTED))} END",
    "duplicates": _STRATUM_NUMBER.format("duplicates"),
    "inserted": _STRATUM_NUMBER.format("inserted"),
}
_OF_TYPE = {"generated": "t.value::int"}
_OF_ERROR = {"failed_runs": "(r.status IN ('failed', 'killed'))::int", "errors": "e.value::int"}
_ENDED = "r.status <> 'running'"
_NO_STRATA = f"{_ENDED} AND jsonb_typeof(r.funnel->'strata') IS DISTINCT FROM 'object'"


def _object(document: str) -> str:
    """The document if it is an object; anything else has no members."""
    return f"CASE jsonb_typeof({document}) WHEN 'object' THEN {document} END"


# Dimension, name in it, measures, rows, which of them. A run that says nothing of its strata counts by what it says of
# types and difficulties: under `math__` and `__easy`.
_PARTS: tuple[tuple[Dimension, str, Mapping[str, str], str, str], ...] = (
    ("run", "r.status", _OF_RUN, "r", "true"),
    ("provider", "p.key", _OF_PROVIDER, f"r, jsonb_each({_object('r.provider_metrics')}) AS p", _ENDED),
    ("stratum", "s.key", _OF_STRATUM, f"""r, jsonb_each({_object("r.funnel->'strata'")}) AS s""", _ENDED),
    ("stratum", "t.key || '__'", _OF_TYPE, f"r, jsonb_each_text({_object('r.type_metrics')}) AS t", _NO_STRATA),
    ("stratum", "'__' || t.key", _OF_TYPE, f"r, jsonb_each_text({_object('r.difficulty_metrics')}) AS t", _NO_STRATA),
    ("error", "e.key", _OF_ERROR, f"""r, jsonb_each_text({_object("r.error_summary->'by_category'")}) AS e""", _ENDED),
)
# What a measure is where it has no meaning.
_NOTHING = {
    **dict.fromkeys(RUN_DAY_COUNTS, "0::bigint"),
    **dict.fromkeys(RUN_DAY_SUMS, "0::float8"),
    **dict.fromkeys(RUN_DAY_TOKENS, "NULL::bigint"),
    **dict.fromkeys(RUN_DAY_EXTREMES, "NULL::float8"),
    "cost_usd": "NULL::numeric",
}
_THEMSELVES = {measure: measure for measure in MEASURES}
# How sure a rate is: judged questions of one run have much in common, so the spread between runs counts.
_SPREADS = {
    "approved2": "({approved})::float8 ^ 2",
    "approved_evaluated": "({approved})::float8 * ({evaluated})",
    "evaluated2": "({evaluated})::float8 ^ 2",
}
_SCORES = {
    "score_weight": "{weight}",
    "score_sum": "{weight} * {score}",
    "score_weight2": "{weight} ^ 2",
    "score_sum2": "{weight} ^ 2 * {score}",
    "score_square2": "{weight} ^ 2 * {score} ^ 2",
}


def aggregates(expressions: Mapping[str, str] = _THEMSELVES) -> str:
    """Every measure summed (of scores the extremes), as a list of columns."""
    return ", ".join(f"{_aggregate(measure, expressions[measure])} AS {measure}" for measure in MEASURES)


def _aggregate(measure: str, expression: str) -> str:
    if expression == _NOTHING.get(measure):
        return expression  # adding up a thousand zeros takes its time
    how = {"lowest_score": "min", "highest_score": "max"}.get(measure, "sum")
    whole = "::bigint" if measure in (*RUN_DAY_COUNTS, *RUN_DAY_TOKENS) else ""
    return f"{how}({expression}){whole}"


def summing(dimensions: Sequence[Dimension], by: Sequence[Group], where: str) -> str:
    """The sums over the runs from :since to :until, by (dimension, name, *by)."""
    parts = [_part(*part, by=by) for part in _PARTS if part[0] in dimensions]
    return (
        "WITH r AS MATERIALIZED (SELECT * FROM question_generation_runs "  # noqa: S608
        f"WHERE kind = 'questions' AND started_at >= :since AND started_at < :until{where})\n"
        + "\nUNION ALL\n".join(parts)
    )


def _part(
    dimension: Dimension, name: str, measures: Mapping[str, str], rows: str, which: str, *, by: Sequence[Group]
) -> str:
    expressions = {**_NOTHING, **measures, **_spreads(dimension, measures), "runs": "1"}
    keys = "".join(f", {_GROUPS[key]} AS {key}" for key in by)
    places = ", ".join(str(n) for n in range(1, 3 + len(by)))
    return (
        f"SELECT '{dimension}' AS dimension, left({name}, 130) AS name{keys}, {aggregates(expressions)} "  # noqa: S608
        f"FROM {rows} WHERE {which} GROUP BY {places}"
    )


def _spreads(dimension: Dimension, measures: Mapping[str, str]) -> dict[str, str]:
    if dimension not in ("run", "provider"):
        return {}
    score = "r.avg_arbiter_score" if dimension == "run" else "(p.value->>'avg_arbiter_score')::float8"
    weight = f"(CASE WHEN {score} IS NULL THEN 0 ELSE {measures['evaluated']} END)::float8"
    named = {"approved": measures["approved"], "evaluated": measures["evaluated"]}
    spreads = {name: form.format(**named) for name, form in _SPREADS.items()}
    scores = {name: form.format(weight=weight, score=f"coalesce({score}, 0)") for name, form in _SCORES.items()}
    return {**spreads, **scores}
