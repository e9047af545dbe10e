"""The tables of the bank, as SQLAlchemy Core sees them.

Here: columns, constraints and indexes of every table that qgen owns, and `SCHEMA_VERSION`, the Alembic revision that
they correspond to (a test compares the two). Not here: queries (one module per aggregate beside this one), Dagster's
own tables (another database), and the migrations themselves (`migrations/`).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from qgen_dagster.bank.columns import (
    HalfVector,
    count,
    id_column,
    metadata,
    one_of,
    past_run_id_column,
    run_id_column,
    when,
)
from qgen_dagster.core.batch import BatchStatus
from qgen_dagster.core.funnel import PENDING_STATES, CandidateState
from qgen_dagster.core.job_state import OPEN, JobState
from qgen_dagster.core.run import RunKind, RunStatus

SCHEMA_VERSION = "0001"

PENDING_SQL = ", ".join(f"'{state.value}'" for state in PENDING_STATES)
OPEN_JOBS_SQL = ", ".join(f"'{state.value}'" for state in OPEN)


strata = Table(
    "strata",
    metadata,
    Column("key", String(130), primary_key=True),
    Column("question_type", String(60), nullable=False),
    Column("difficulty", String(60), nullable=False),
    Column("position", Integer, nullable=False),
    when("registered_at", now=True),
    when("retired_at"),
)


def _names_in(breakdown: str) -> str:
    return f"jsonb_path_query_array({breakdown}, '$.keyvalue().\"key\"'::jsonpath, '{{}}'::jsonb, true)"


runs = Table(
    "question_generation_runs",
    metadata,
    id_column(),
    Column("started_at", DateTime(timezone=True), nullable=False),
    when("completed_at"),
    Column("duration_seconds", Float),
    Column("status", String(20), nullable=False),
    Column("exit_code", Integer),
    Column("questions_requested", Integer, nullable=False),
    count("questions_generated"),
    count("generation_failures"),
    Column("generation_success_rate", Float),
    count("questions_evaluated"),
    count("questions_approved"),
    count("questions_rejected"),
    Column("approval_rate", Float),
    Column("avg_arbiter_score", Float),
    Column("min_arbiter_score", Float),
    Column("max_arbiter_score", Float),
    count("duplicates_found"),
    count("exact_duplicates"),
    count("semantic_duplicates"),
    Column("duplicate_rate", Float),
    count("questions_inserted"),
    count("insertion_failures"),
    Column("overall_success_rate", Float),
    count("total_errors"),
    count("total_api_calls"),
    Column("provider_metrics", JSONB),
    Column("type_metrics", JSONB),
    Column("difficulty_metrics", JSONB),
    Column("error_summary", JSONB),
    Column("prompt_version", String(50)),
    Column("arbiter_config_version", String(50)),
    Column("min_arbiter_score_threshold", Float),
    Column("environment", String(20)),
    Column("triggered_by", String(50)),
    when("created_at", now=True),
    # Beyond the specification: money, the funnel, family, life signs, and what is needed to go on.
    Column("cost_usd", Numeric(14, 6)),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    count("unpriced_calls"),  # calls that used a model without a price: cost_usd leaves them out
    Column("funnel", JSONB),
    Column("parent_run_id", UUID(as_uuid=True), ForeignKey("question_generation_runs.id", ondelete="SET NULL")),
    Column("round", Integer, nullable=False, server_default=text("1")),
    when("heartbeat_at"),
    Column("host", String(255)),
    Column("pid", Integer),
    Column("options", JSONB),
    Column("stop_reason", Text),
    Column("error", Text),
    # Told by a report from elsewhere: no process of this installation works on it, so none here can be missed.
    Column("reported", Boolean, nullable=False, server_default=text("false")),
    Column("kind", String(20), nullable=False, server_default=RunKind.QUESTIONS.value),
    # Whom lists filter by, as a JSON array; a breakdown that is no object names nobody.
    Column("provider_names", JSONB, Computed(_names_in("provider_metrics"), persisted=True)),
    Column("type_names", JSONB, Computed(_names_in("type_metrics"), persisted=True)),
    one_of("status", RunStatus),
    one_of("kind", RunKind),
    CheckConstraint("exit_code BETWEEN 0 AND 6", name="exit_code"),
    CheckConstraint("completed_at >= started_at", name="times_in_order"),
)
RUN_COLUMNS = tuple(column for column in runs.c if column.computed is None)  # what is written and told
# The four indexes of the specification, by its names.
Index("ix_qgr_started_at", runs.c.started_at.desc())
Index("ix_qgr_status", runs.c.status)
Index("ix_qgr_environment", runs.c.environment)
Index("ix_qgr_overall_success", runs.c.overall_success_rate)
Index("ix_qgr_parent_run_id", runs.c.parent_run_id)
# What the admin API asks for (measured with a million runs: benchmarks/api.py). The id breaks ties, so that pages are
# stable. The two walks hold what lists filter by, and durations, so that nothing visits a row that it does not show.
Index("ix_qgr_success_order", runs.c.overall_success_rate, runs.c.id)
Index("ix_qgr_duration_order", runs.c.duration_seconds, runs.c.id)
Index("ix_qgr_cost_order", runs.c.cost_usd, runs.c.id)
Index("ix_qgr_prompt_version", runs.c.prompt_version, runs.c.started_at.desc())
Index("ix_qgr_triggered_by", runs.c.triggered_by, runs.c.started_at.desc())
_FILTERED = ["environment", "prompt_version", "triggered_by", "overall_success_rate"]
Index(
    "ix_qgr_walk",
    runs.c.started_at,
    runs.c.id,
    postgresql_include=["status", "duration_seconds", "kind", "provider_names", *_FILTERED],
)
Index("ix_qgr_status_walk", runs.c.status, runs.c.started_at, runs.c.id, postgresql_include=_FILTERED)
Index("ix_qgr_providers", runs.c.provider_names, postgresql_using="gin")
Index("ix_qgr_types", runs.c.type_names, postgresql_using="gin")

generation_plans = Table(
    "generation_plans",
    metadata,
    # The run that made it. No foreign key: a plan may be made, and fanned out to many runs, by a run that generates
    # nothing itself and so has no row.
    Column("run_id", UUID(as_uuid=True), primary_key=True),
    Column("total_questions", Integer, nullable=False),
    Column("allocations", JSONB, nullable=False),  # {stratum key: questions wanted}
    when("created_at", now=True),
)
Index("ix_generation_plans_created_at", generation_plans.c.created_at)

inventory_snapshots = Table(
    "inventory_snapshots",
    metadata,
    id_column(),
    when("taken_at", now=True),
    Column("target_per_stratum", Integer, nullable=False),
    Column("thresholds", JSONB, nullable=False),
    Column("total", Integer, nullable=False),
    Column("total_deficit", Integer, nullable=False),
    Column("counts", JSONB, nullable=False),  # {stratum key: active questions}
)
Index("ix_inventory_snapshots_taken_at", inventory_snapshots.c.taken_at.desc())

question_batches = Table(
    "question_batches",
    metadata,
    id_column(),
    past_run_id_column(),
    Column("question_type", String(60), nullable=False),
    Column("difficulty", String(60), nullable=False),
    Column("index", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("seed", Text, nullable=False),
    Column("status", String(20), nullable=False, server_default=BatchStatus.PENDING.value),
    count("calls"),
    count("delivered"),
    count("invalid"),
    Column("saturated", Boolean, nullable=False, server_default=text("false")),
    Column("provider", String(60)),
    Column("error_category", String(40)),
    Column("error", Text),
    when("created_at", now=True),
    when("completed_at"),
    one_of("status", BatchStatus),
    CheckConstraint("delivered <= size", name="delivered"),
    UniqueConstraint("run_id", "question_type", "difficulty", "index"),
)
Index("ix_question_batches_created_at", question_batches.c.created_at.desc(), question_batches.c.id)
Index("ix_question_batches_status", question_batches.c.status, question_batches.c.created_at.desc())

candidates = Table(
    "candidates",
    metadata,
    id_column(),
    past_run_id_column(),
    Column("batch_id", UUID(as_uuid=True), ForeignKey("question_batches.id", ondelete="CASCADE"), nullable=False),
    Column("place", Integer, nullable=False),  # which of the batch's requested questions it stands for
    Column("question_type", String(60), nullable=False),
    Column("difficulty", String(60), nullable=False),  # where it stands now
    Column("requested_difficulty", String(60), nullable=False),  # where it was asked for
    Column("state", String(20), nullable=False),
    Column("reason", String(40)),
    Column("content", JSONB, nullable=False),  # core.question.Question
    Column("content_hash", String(64), nullable=False),
    Column("structure_hash", String(64)),
    Column("provider", String(60), nullable=False),
    Column("model", String(120)),
    Column("prompt_version", String(50)),
    Column("arbiter_score", Float),
    Column("judgement", JSONB),  # rubric scores, rules broken, solvers' answers
    Column("duplicate_check", JSONB),  # nearest question, score and the rule that decided
    Column("salvage", String(40)),  # how it was rescued, null for the first try
    Column("parent_candidate_id", UUID(as_uuid=True), ForeignKey("candidates.id", ondelete="SET NULL")),
    Column("question_id", UUID(as_uuid=True)),
    Column("error", Text),
    when("created_at", now=True),
    when("updated_at", now=True),
    one_of("state", CandidateState),
)
Index("ix_candidates_run_id_state", candidates.c.run_id, candidates.c.state)
Index("ix_candidates_batch_id", candidates.c.batch_id)  # whoever deletes a batch looks for its candidates
Index("ix_candidates_content_hash", candidates.c.content_hash)
Index("ix_candidates_structure_hash", candidates.c.structure_hash)
Index("ix_candidates_parent_candidate_id", candidates.c.parent_candidate_id)
Index(
    "ix_candidates_pending",
    candidates.c.question_type,
    candidates.c.difficulty,
    candidates.c.state,
    postgresql_where=text(f"state IN ({PENDING_SQL})"),
)
# A place of a batch is held by one candidate at a time: a resumed or repeated batch cannot double it.
Index(
    "uq_candidates_batch_id_place",
    candidates.c.batch_id,
    candidates.c.place,
    unique=True,
    postgresql_where=text(f"state <> '{CandidateState.SUPERSEDED.value}'"),
)

candidate_embeddings = Table(
    "candidate_embeddings",
    metadata,
    Column("candidate_id", UUID(as_uuid=True), ForeignKey("candidates.id", ondelete="CASCADE"), primary_key=True),
    Column("embedder", String(120), primary_key=True),  # the space: embedder and rules, with their versions
    Column("lookup_key", BigInteger, nullable=False),
    Column("word_keys", ARRAY(BigInteger), nullable=False, server_default=text("'{}'")),
    Column("embedding", HalfVector(), nullable=False),
)
Index("ix_candidate_embeddings_lookup_key", candidate_embeddings.c.lookup_key)

questions = Table(
    "questions",
    metadata,
    id_column(),
    Column("question_type", String(60), nullable=False),
    Column("difficulty", String(60), nullable=False),
    Column("sub_type", String(60), nullable=False),
    Column("stem", Text, nullable=False),
    Column("content", JSONB, nullable=False),  # core.question.Question
    Column("content_hash", String(64), nullable=False, unique=True),
    Column("structure_hash", String(64), unique=True),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("source", String(20), nullable=False, server_default="generated"),  # or imported
    Column("provider", String(60)),
    Column("model", String(120)),
    Column("prompt_version", String(50)),
    Column("arbiter_score", Float),
    Column("candidate_id", UUID(as_uuid=True), ForeignKey("candidates.id", ondelete="SET NULL")),
    Column("vector_space", String(120)),  # one in which it has a vector; null: none known
    past_run_id_column(nullable=True),
    when("created_at", now=True),
    when("verified_at"),
    # When its key was last looked at, by the judge or an audit; null: never.
    Column("audited_at", DateTime(timezone=True), server_default=func.now()),
    when("deactivated_at"),
    Column("deactivated_by", String(120)),
    Column("deactivated_reason", Text),
    CheckConstraint("is_active = (deactivated_at IS NULL)", name="deactivation"),
)
# Serves the inventory count as an index-only scan, and the oldest-first listing of a stratum.
Index(
    "ix_questions_active_stratum",
    questions.c.question_type,
    questions.c.difficulty,
    questions.c.created_at,
    postgresql_where=text("is_active"),
)
Index("ix_questions_created_at", questions.c.created_at.desc(), questions.c.id)
Index("ix_questions_run_id", questions.c.run_id)
# The longest unchecked first.
Index("ix_questions_audited_at", questions.c.audited_at, questions.c.id, postgresql_where=text("is_active"))
Index("ix_questions_candidate_id", questions.c.candidate_id)
# What has no vector in a space is found beside it, without reading the others.
Index("ix_questions_vector_space", questions.c.question_type, questions.c.vector_space)

question_embeddings = Table(
    "question_embeddings",
    metadata,
    Column("question_id", UUID(as_uuid=True), ForeignKey("questions.id", ondelete="CASCADE"), primary_key=True),
    Column("embedder", String(120), primary_key=True),
    Column("lookup_key", BigInteger, nullable=False),
    Column("word_keys", ARRAY(BigInteger), nullable=False, server_default=text("'{}'")),
    Column("embedding", HalfVector(), nullable=False),
)
# A hash of space, type, answer and quantities (dedup/facts.py): the rows that can hold a semantic duplicate; and hashes
# of it with each word, where there are no quantities. There is no index over the vectors: it was slower and found
# fewer (benchmarks/README.md).
Index("ix_question_embeddings_lookup_key", question_embeddings.c.lookup_key)
# Without a list of what is not indexed yet, which every search would have to read.
Index(
    "ix_question_embeddings_word_keys",
    question_embeddings.c.word_keys,
    postgresql_using="gin",
    postgresql_with={"fastupdate": "off"},
)

llm_calls = Table(
    "llm_calls",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    past_run_id_column(nullable=True),
    Column("batch_id", UUID(as_uuid=True)),  # a question batch or a drill batch
    Column("candidate_id", UUID(as_uuid=True)),
    Column("purpose", String(20), nullable=False),  # generate, judge, solve, embed
    Column("provider", String(60), nullable=False),
    Column("model", String(120)),
    Column("prompt_version", String(50)),
    Column("request_hash", String(64), nullable=False),
    Column("reply", Text),
    Column("error_category", String(40)),
    Column("fault", String(20)),  # timeout, empty, refused, truncated … (generation.provider.Fault)
    Column("error", Text),
    Column("input_tokens", Integer),
    Column("output_tokens", Integer),
    Column("cached_tokens", Integer),
    Column("cost_usd", Numeric(14, 6)),
    Column("latency_seconds", Float),
    when("created_at", now=True),
)
Index("ix_llm_calls_run_id", llm_calls.c.run_id)
Index("ix_llm_calls_batch_id", llm_calls.c.batch_id)
Index("ix_llm_calls_request_hash", llm_calls.c.request_hash)
Index("ix_llm_calls_candidate_id", llm_calls.c.candidate_id)
Index("ix_llm_calls_created_at", llm_calls.c.created_at)
# The last calls of a model for a purpose (estimates), calls of a rare purpose, and failed calls (qgen calls list).
Index("ix_llm_calls_purpose", llm_calls.c.purpose, llm_calls.c.provider, llm_calls.c.model, llm_calls.c.id)
Index("ix_llm_calls_failed", llm_calls.c.id, postgresql_where=llm_calls.c.error_category.is_not(None))

llm_jobs = Table(
    "llm_jobs",
    metadata,
    id_column(),
    run_id_column(),
    Column("provider", String(60), nullable=False),
    Column("model", String(120), nullable=False),
    Column("purpose", String(20), nullable=False),
    Column("label", String(80), nullable=False, unique=True),  # goes with the job, so that it can be found again
    Column("job_id", String(200)),  # the provider's; null as long as nobody knows whether the job arrived
    Column("state", String(20), nullable=False),
    count("total"),
    count("done"),
    count("replies"),
    count("errors"),
    Column("worst_usd", Numeric(14, 6)),
    Column("worst_tokens", BigInteger, nullable=False, server_default=text("0")),
    Column("calls", JSONB, nullable=False),  # {id within the job: bank.jobs.JobCall}
    Column("message", Text),
    when("created_at", now=True),
    when("submitted_at"),
    when("polled_at"),
    when("ended_at"),
    one_of("state", JobState),
)
Index("ix_llm_jobs_run_id", llm_jobs.c.run_id)
Index("ix_llm_jobs_open", llm_jobs.c.created_at, postgresql_where=text(f"state IN ({OPEN_JOBS_SQL})"))
