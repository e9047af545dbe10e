"""The tables of alerting, reporting and the drill line, on the same metadata as `tables.py`.

Not here: the question line's tables (`tables.py`).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
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
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB, UUID

from qgen_dagster.bank.columns import count, id_column, metadata, one_of, run_id_column, when
from qgen_dagster.core.alert import AlertSeverity, AlertState, DeliveryState
from qgen_dagster.core.audit import AuditAction, AuditFinding
from qgen_dagster.core.batch import BatchStatus
from qgen_dagster.core.drills import SeriesStatus, SeriesVerdict

alerts = Table(
    "alerts",
    metadata,
    id_column(),
    Column("rule", String(60), nullable=False),
    Column("subject", String(200), nullable=False),  # a stratum key, a run id, a provider
    Column("severity", String(20), nullable=False),
    Column("state", String(20), nullable=False, server_default="open"),
    Column("message", Text, nullable=False),
    Column("details", JSONB),
    run_id_column(nullable=True, ondelete="SET NULL"),
    when("opened_at", now=True),
    # What the channels were told last, which is what the operator believes; null when nothing, or its end, was told.
    Column("told_severity", String(20)),
    when("last_sent_at"),
    when("acknowledged_at"),
    Column("acknowledged_by", String(120)),
    Column("acknowledged_reason", Text),
    when("resolved_at"),
    one_of("severity", AlertSeverity),
    one_of("state", AlertState),
)
Index("ix_alerts_opened_at", alerts.c.opened_at.desc())
# One unresolved alert per rule and subject: a race of several checkers opens it once.
Index(
    "uq_alerts_unresolved",
    alerts.c.rule,
    alerts.c.subject,
    unique=True,
    postgresql_where=text("state <> 'resolved'"),
)
# What a check reads: alerts that are not over, or whose end was not told.
Index(
    "ix_alerts_believed",
    alerts.c.rule,
    postgresql_where=text("state <> 'resolved' OR told_severity IS NOT NULL"),
)
Index("ix_alerts_subject", alerts.c.rule, alerts.c.subject, alerts.c.opened_at.desc())
Index("ix_alerts_last_sent_at", alerts.c.last_sent_at)

# Messages to the channels, written in the transaction that decides about them and delivered afterwards.
alert_messages = Table(
    "alert_messages",
    metadata,
    id_column(),
    Column("family", String(20), nullable=False),  # stock, runs or test: whose cooldowns it counts for
    Column("severity", String(20)),  # null: only good news
    Column("title", Text, nullable=False),
    Column("content", JSONB, nullable=False),  # alerting.message.AlertMessage
    Column("created_at", DateTime(timezone=True), nullable=False),
)
Index("ix_alert_messages_created_at", alert_messages.c.created_at.desc())

alert_deliveries = Table(
    "alert_deliveries",
    metadata,
    id_column(),
    Column("message_id", UUID(as_uuid=True), ForeignKey("alert_messages.id", ondelete="CASCADE"), nullable=False),
    Column("channel", String(80), nullable=False),  # never its address, which holds secrets
    Column("state", String(20), nullable=False, server_default=DeliveryState.PENDING.value),
    count("attempts"),
    Column("next_attempt_at", DateTime(timezone=True), nullable=False),
    when("leased_until"),  # by the server's clock, the one that all machines share
    when("last_attempt_at"),
    when("delivered_at"),
    Column("error", Text),
    Column("history", JSONB, nullable=False, server_default=text("'[]'::jsonb")),  # what became of the last attempts
    UniqueConstraint("message_id", "channel"),
    one_of("state", DeliveryState),
)
Index(
    "ix_alert_deliveries_due",
    alert_deliveries.c.next_attempt_at,
    postgresql_where=text(f"state = '{DeliveryState.PENDING.value}'"),
)

# Which messages an alert was told in.
alert_mentions = Table(
    "alert_mentions",
    metadata,
    Column("message_id", UUID(as_uuid=True), ForeignKey("alert_messages.id", ondelete="CASCADE"), primary_key=True),
    Column("alert_id", UUID(as_uuid=True), ForeignKey("alerts.id", ondelete="CASCADE"), primary_key=True),
)
Index("ix_alert_mentions_alert_id", alert_mentions.c.alert_id)

alert_mutes = Table(
    "alert_mutes",
    metadata,
    id_column(),
    Column("rule", String(60)),  # null: every rule
    Column("subject", String(200)),  # null: every subject
    Column("muted_until", DateTime(timezone=True), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("created_by", String(120), nullable=False),
    Column("reason", Text),
    when("ended_at"),
    Column("ended_by", String(120)),
    CheckConstraint("muted_until > created_at", name="times_in_order"),
)
Index("ix_alert_mutes_muted_until", alert_mutes.c.muted_until, postgresql_where=text("ended_at IS NULL"))

# What the runs of a day (UTC) add up to, so that statistics need not read every run: one row per environment, prompt
# version, dimension (run, provider, stratum, error) and name in it. Made when it is first asked for, never for today;
# a trigger on the runs (qgen_forget_run_day) removes a day that changes. `bank/run_days.py` fills and reads it.
RUN_DAY_COUNTS = (
    *("runs", "failed_runs", "requested", "generated", "generation_failures", "evaluated", "approved", "rejected"),
    *("duplicates", "exact_duplicates", "semantic_duplicates", "inserted", "insertion_failures", "errors"),
    *("api_calls", "unpriced_calls", "priced_inserted", "timed_runs", "timed_requested", "timed_inserted"),
)
# Sums for spreads: a 2 stands for a square, so approved2 is the sum of approved² over the runs.
RUN_DAY_SUMS = (
    *("seconds", "seconds2", "score_weight", "score_sum", "score_weight2", "score_sum2", "score_square2"),
    *("approved2", "approved_evaluated", "evaluated2", "inserted2", "inserted_requested", "requested2"),
)
RUN_DAY_TOKENS = ("input_tokens", "output_tokens")  # null where nothing was measured, as is the cost
RUN_DAY_EXTREMES = ("lowest_score", "highest_score")


def _sums(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("day", Date, primary_key=True),
        Column("dimension", String(12), primary_key=True),
        Column("name", String(130), primary_key=True),
        Column("environment", String(20), primary_key=True),
        Column("prompt_version", String(50), primary_key=True),
        *(Column(name, BigInteger, nullable=False, server_default=text("0")) for name in RUN_DAY_COUNTS),
        *(Column(name, Double, nullable=False, server_default=text("0")) for name in RUN_DAY_SUMS),
        *(Column(name, BigInteger) for name in RUN_DAY_TOKENS),
        *(Column(name, Double) for name in RUN_DAY_EXTREMES),
        Column("cost_usd", Numeric(20, 6)),
    )


run_days = _sums("run_days")
Index("ix_run_days_dimension", run_days.c.dimension, run_days.c.day)

# The same sums over the runs that retention has deleted, kept for ever: nothing else knows of them. `run_days` holds
# both kinds of runs together. `bank/retention.py` adds to them.
pruned_run_days = _sums("pruned_run_days")

# How long those runs took, each of them, since percentiles cannot be added up.
pruned_run_durations = Table(
    "pruned_run_durations",
    metadata,
    Column("day", Date, primary_key=True),
    Column("environment", String(20), primary_key=True),
    Column("prompt_version", String(50), primary_key=True),
    Column("seconds", ARRAY(Double), nullable=False),
)

question_audits = Table(
    "question_audits",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("question_id", UUID(as_uuid=True), ForeignKey("questions.id", ondelete="CASCADE"), nullable=False),
    run_id_column(nullable=True, ondelete="SET NULL"),
    Column("audited_at", DateTime(timezone=True), nullable=False),
    Column("finding", String(20), nullable=False),
    Column("action", String(20), nullable=False),
    Column("evidence", JSONB, nullable=False),  # judging.solving.Solution, or why there is none
    one_of("finding", AuditFinding),
    one_of("action", AuditAction),
)
Index("ix_question_audits_question_id", question_audits.c.question_id, question_audits.c.id.desc())
Index("ix_question_audits_run_id", question_audits.c.run_id, question_audits.c.id)

report_outbox = Table(
    "report_outbox",
    metadata,
    id_column(),
    Column("run_id", UUID(as_uuid=True), nullable=False),  # no foreign key: the row may live in another database
    Column("number", BigInteger, Identity(always=True), nullable=False),  # reports of a run are sent in this order
    Column("payload", JSONB, nullable=False),  # tracking.run_schemas.QuestionGenerationRunCreate
    when("created_at", now=True),
    count("attempts"),
    Column("next_attempt_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    when("delivered_at"),
    when("refused_at"),  # the other side cannot read it: kept, and not sent again by itself
    Column("error", Text),
)
Index("ix_report_outbox_run_id", report_outbox.c.run_id, report_outbox.c.number)
Index(
    "ix_report_outbox_kept",
    report_outbox.c.run_id,
    report_outbox.c.number,
    postgresql_where=text("delivered_at IS NULL"),
)

positions = Table(
    "positions",
    metadata,
    Column("id", String(40), primary_key=True),  # GNU Backgammon position id with dice
    Column("match_id", String(40)),
    Column("phase", String(20), nullable=False),
    Column("dice", String(2), nullable=False),
    Column("pips_on_roll", Integer, nullable=False),
    Column("pips_opponent", Integer, nullable=False),
    Column("move_number", Integer),  # the player's own count of turns, where it is known
    Column("evaluation", JSONB, nullable=False),
    Column("source", String(60), nullable=False),
    when("created_at", now=True),
    CheckConstraint("phase IN ('OPENING', 'EARLY', 'MIDDLE', 'BEAROFF')", name="phase"),
)
Index("ix_positions_phase", positions.c.phase, positions.c.dice)

drill_series = Table(
    "drill_series",
    metadata,
    id_column(),
    run_id_column(nullable=True, ondelete="SET NULL"),
    Column("title", String(200), nullable=False),
    Column("status", String(20), nullable=False, server_default="PENDING"),
    Column("verification", String(20), nullable=False, server_default="UNVERIFIED"),
    Column("target_drill_count", Integer, nullable=False),
    Column("planned_drill_count", Integer, nullable=False),  # fewer where the library has too few positions
    Column("phases", JSONB, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("batch_size", Integer, nullable=False),
    # config.drills.Curriculum, as it was when the series was planned; not JSONB, which forgets the order of names.
    Column("curriculum", JSON, nullable=False),
    Column("positions", JSONB, nullable=False),  # ids of those `loaded`, and of the `fixed` maximum
    Column("position_cost", JSONB, nullable=False),  # drills.library.PromptCost
    Column("plan_warnings", JSONB, nullable=False),
    Column("warning", Text),
    Column("checked_with", String(60)),  # catalogue or an engine
    when("created_at", now=True),
    when("completed_at"),
    one_of("status", SeriesStatus),
    one_of("verification", SeriesVerdict),
    CheckConstraint("target_drill_count BETWEEN 5 AND 50", name="target_drill_count"),
)
Index("ix_drill_series_created_at", drill_series.c.created_at.desc())

drill_batches = Table(
    "drill_batches",
    metadata,
    id_column(),
    Column("series_id", UUID(as_uuid=True), ForeignKey("drill_series.id", ondelete="CASCADE"), nullable=False),
    Column("index", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("slots", JSONB, nullable=False),  # what the planner decided for each drill: core.drills.Slot
    Column("status", String(20), nullable=False, server_default=BatchStatus.PENDING.value),
    # Raised when what is missing is asked for again, so that the journal's old replies do not answer.
    Column("attempt", Integer, nullable=False, server_default=text("1")),
    count("calls"),
    count("delivered"),
    count("invalid"),
    Column("error_category", String(40)),
    Column("error", Text),
    when("created_at", now=True),
    when("completed_at"),
    one_of("status", BatchStatus),
    CheckConstraint("delivered <= size", name="delivered"),
    UniqueConstraint("series_id", "index"),
)

drills = Table(
    "drills",
    metadata,
    id_column(),
    Column("series_id", UUID(as_uuid=True), ForeignKey("drill_series.id", ondelete="CASCADE"), nullable=False),
    Column("batch_id", UUID(as_uuid=True), ForeignKey("drill_batches.id", ondelete="CASCADE"), nullable=False),
    Column("index", Integer, nullable=False),
    Column("position_id", String(40), ForeignKey("positions.id"), nullable=False),
    Column("content", JSONB, nullable=False),  # core.drills.Drill
    Column("provider", String(60), nullable=False),
    Column("model", String(120)),
    Column("prompt_version", String(50)),
    Column("verification", JSONB),
    Column("equity_loss", Float),
    when("created_at", now=True),
    UniqueConstraint("series_id", "index"),
    UniqueConstraint("series_id", "position_id"),
)
Index("ix_drills_batch_id", drills.c.batch_id)
