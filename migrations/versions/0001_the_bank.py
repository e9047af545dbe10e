"""The bank: questions, candidates, runs, and the tables of alerting, reporting and drills.

Revision: 0001, the first.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


class HalfVector(sa.types.UserDefinedType):
    """pgvector's type."""

    cache_ok = True

    def get_col_spec(self, **_):
        return "halfvec"


NAMES = "jsonb_path_query_array({}, '$.keyvalue().\"key\"'::jsonpath, '{{}}'::jsonb, true)"
ORDERED = {"success": "overall_success_rate", "duration": "duration_seconds", "cost": "cost_usd"}
RUN_DAY_COUNTS = (
    *("runs", "failed_runs", "requested", "generated", "generation_failures", "evaluated", "approved", "rejected"),
    *("duplicates", "exact_duplicates", "semantic_duplicates", "inserted", "insertion_failures", "errors"),
    *("api_calls", "unpriced_calls", "priced_inserted", "timed_runs", "timed_requested", "timed_inserted"),
)
RUN_DAY_SUMS = (
    *("seconds", "seconds2", "score_weight", "score_sum", "score_weight2", "score_sum2", "score_square2"),
    *("approved2", "approved_evaluated", "evaluated2", "inserted2", "inserted_requested", "requested2"),
)
# Removes a day's sums when one of its runs changes. The shared lock makes whoever is summing that day up see that a
# change is under way (bank/run_days.py). Whoever deletes runs but wants to keep their sums sets qgen.keep_run_days.
FORGET_RUN_DAY = """
CREATE FUNCTION qgen_forget_run_day() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changed date;
BEGIN
  IF current_setting('qgen.keep_run_days', true) = 'on' THEN
    RETURN NULL;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    changed := (NEW.started_at AT TIME ZONE 'UTC')::date;
    PERFORM pg_advisory_xact_lock_shared(7061914, changed - DATE '2000-01-01');
    DELETE FROM run_days WHERE day = changed;
  END IF;
  IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND OLD.started_at <> NEW.started_at) THEN
    changed := (OLD.started_at AT TIME ZONE 'UTC')::date;
    PERFORM pg_advisory_xact_lock_shared(7061914, changed - DATE '2000-01-01');
    DELETE FROM run_days WHERE day = changed;
  END IF;
  RETURN NULL;
END
$$
"""


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS vector")
    op.create_table(
        "generation_plans",
        sa.Column("run_id", sa.UUID(), nullable=False),
        sa.Column("total_questions", sa.Integer(), nullable=False),
        sa.Column("allocations", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_generation_plans")),
    )
    op.create_index("ix_generation_plans_created_at", "generation_plans", ["created_at"], unique=False)
    op.create_table(
        "inventory_snapshots",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("target_per_stratum", sa.Integer(), nullable=False),
        sa.Column("thresholds", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("total_deficit", sa.Integer(), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inventory_snapshots")),
    )
    op.create_index(
        "ix_inventory_snapshots_taken_at", "inventory_snapshots", [sa.literal_column("taken_at DESC")], unique=False
    )
    op.create_table(
        "positions",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("match_id", sa.String(length=40), nullable=True),
        sa.Column("phase", sa.String(length=20), nullable=False),
        sa.Column("dice", sa.String(length=2), nullable=False),
        sa.Column("pips_on_roll", sa.Integer(), nullable=False),
        sa.Column("pips_opponent", sa.Integer(), nullable=False),
        sa.Column("move_number", sa.Integer(), nullable=True),
        sa.Column("evaluation", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("source", sa.String(length=60), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("phase IN ('OPENING', 'EARLY', 'MIDDLE', 'BEAROFF')", name=op.f("ck_positions_phase")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_positions")),
    )
    op.create_index("ix_positions_phase", "positions", ["phase", "dice"], unique=False)
    op.create_table(
        "question_generation_runs",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("duration_seconds", sa.Float(), nullable=True),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("questions_requested", sa.Integer(), nullable=False),
        sa.Column("questions_generated", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("generation_failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("generation_success_rate", sa.Float(), nullable=True),
        sa.Column("questions_evaluated", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("questions_approved", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("questions_rejected", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("approval_rate", sa.Float(), nullable=True),
        sa.Column("avg_arbiter_score", sa.Float(), nullable=True),
        sa.Column("min_arbiter_score", sa.Float(), nullable=True),
        sa.Column("max_arbiter_score", sa.Float(), nullable=True),
        sa.Column("duplicates_found", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("exact_duplicates", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("semantic_duplicates", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("duplicate_rate", sa.Float(), nullable=True),
        sa.Column("questions_inserted", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("insertion_failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("overall_success_rate", sa.Float(), nullable=True),
        sa.Column("total_errors", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("total_api_calls", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("provider_metrics", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("type_metrics", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("difficulty_metrics", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("error_summary", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("prompt_version", sa.String(length=50), nullable=True),
        sa.Column("arbiter_config_version", sa.String(length=50), nullable=True),
        sa.Column("min_arbiter_score_threshold", sa.Float(), nullable=True),
        sa.Column("environment", sa.String(length=20), nullable=True),
        sa.Column("triggered_by", sa.String(length=50), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("cost_usd", sa.Numeric(precision=14, scale=6), nullable=True),
        sa.Column("input_tokens", sa.BigInteger(), nullable=True),
        sa.Column("output_tokens", sa.BigInteger(), nullable=True),
        sa.Column("unpriced_calls", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("funnel", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("parent_run_id", sa.UUID(), nullable=True),
        sa.Column("round", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("host", sa.String(length=255), nullable=True),
        sa.Column("pid", sa.Integer(), nullable=True),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("stop_reason", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("reported", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("kind", sa.String(length=20), server_default="questions", nullable=False),
        *(
            sa.Column(name, postgresql.JSONB(), sa.Computed(NAMES.format(breakdown), persisted=True))
            for name, breakdown in (("provider_names", "provider_metrics"), ("type_names", "type_metrics"))
        ),
        sa.CheckConstraint("kind IN ('questions', 'drills', 'audit')", name=op.f("ck_question_generation_runs_kind")),
        sa.CheckConstraint(
            "status IN ('running', 'success', 'partial_failure', 'failed', 'killed')",
            name=op.f("ck_question_generation_runs_status"),
        ),
        sa.CheckConstraint("completed_at >= started_at", name=op.f("ck_question_generation_runs_times_in_order")),
        sa.CheckConstraint("exit_code BETWEEN 0 AND 6", name=op.f("ck_question_generation_runs_exit_code")),
        sa.ForeignKeyConstraint(
            ["parent_run_id"],
            ["question_generation_runs.id"],
            name=op.f("fk_question_generation_runs_parent_run_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_question_generation_runs")),
    )
    op.create_index("ix_qgr_environment", "question_generation_runs", ["environment"], unique=False)
    op.create_index("ix_qgr_overall_success", "question_generation_runs", ["overall_success_rate"], unique=False)
    op.create_index("ix_qgr_parent_run_id", "question_generation_runs", ["parent_run_id"], unique=False)
    op.create_index(
        "ix_qgr_started_at", "question_generation_runs", [sa.literal_column("started_at DESC")], unique=False
    )
    op.create_index("ix_qgr_status", "question_generation_runs", ["status"], unique=False)
    for name in ("success", "duration", "cost"):
        op.create_index(f"ix_qgr_{name}_order", "question_generation_runs", [ORDERED[name], "id"])
    for name in ("prompt_version", "triggered_by"):
        op.create_index(f"ix_qgr_{name}", "question_generation_runs", [name, sa.literal_column("started_at DESC")])
    filtered = ["environment", "prompt_version", "triggered_by", "overall_success_rate"]
    op.create_index(
        "ix_qgr_walk",
        "question_generation_runs",
        ["started_at", "id"],
        postgresql_include=["status", "duration_seconds", "kind", "provider_names", *filtered],
    )
    op.create_index(
        "ix_qgr_status_walk", "question_generation_runs", ["status", "started_at", "id"], postgresql_include=filtered
    )
    for name, column in (("providers", "provider_names"), ("types", "type_names")):
        op.create_index(f"ix_qgr_{name}", "question_generation_runs", [column], postgresql_using="gin")
    for table in ("run_days", "pruned_run_days"):
        op.create_table(
            table,
            sa.Column("day", sa.Date(), nullable=False),
            sa.Column("dimension", sa.String(length=12), nullable=False),
            sa.Column("name", sa.String(length=130), nullable=False),
            sa.Column("environment", sa.String(length=20), nullable=False),
            sa.Column("prompt_version", sa.String(length=50), nullable=False),
            *(sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False) for name in RUN_DAY_COUNTS),
            *(sa.Column(name, sa.Double(), server_default=sa.text("0"), nullable=False) for name in RUN_DAY_SUMS),
            sa.Column("input_tokens", sa.BigInteger(), nullable=True),
            sa.Column("output_tokens", sa.BigInteger(), nullable=True),
            sa.Column("lowest_score", sa.Double(), nullable=True),
            sa.Column("highest_score", sa.Double(), nullable=True),
            sa.Column("cost_usd", sa.Numeric(precision=20, scale=6), nullable=True),
            sa.PrimaryKeyConstraint(
                "day", "dimension", "name", "environment", "prompt_version", name=op.f(f"pk_{table}")
            ),
        )
    op.create_table(
        "pruned_run_durations",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("environment", sa.String(length=20), nullable=False),
        sa.Column("prompt_version", sa.String(length=50), nullable=False),
        sa.Column("seconds", postgresql.ARRAY(sa.Double()), nullable=False),
        sa.PrimaryKeyConstraint("day", "environment", "prompt_version", name=op.f("pk_pruned_run_durations")),
    )
    op.create_index("ix_run_days_dimension", "run_days", ["dimension", "day"])
    op.execute(FORGET_RUN_DAY)
    op.execute(
        "CREATE TRIGGER forget_run_day AFTER INSERT OR UPDATE OR DELETE ON question_generation_runs "
        "FOR EACH ROW EXECUTE FUNCTION qgen_forget_run_day()"
    )
    op.create_table(
        "report_outbox",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("run_id", sa.UUID(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_outbox")),
    )
    op.create_index("ix_report_outbox_run_id", "report_outbox", ["run_id", "number"], unique=False)
    op.create_index(
        "ix_report_outbox_kept",
        "report_outbox",
        ["run_id", "number"],
        unique=False,
        postgresql_where=sa.text("delivered_at IS NULL"),
    )
    op.create_table(
        "strata",
        sa.Column("key", sa.String(length=130), nullable=False),
        sa.Column("question_type", sa.String(length=60), nullable=False),
        sa.Column("difficulty", sa.String(length=60), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_strata")),
    )
    op.create_table(
        "alerts",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("rule", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("severity", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), server_default="open", nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("run_id", sa.UUID(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("told_severity", sa.String(length=20), nullable=True),
        sa.Column("last_sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.String(length=120), nullable=True),
        sa.Column("acknowledged_reason", sa.Text(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("severity IN ('warning', 'critical')", name=op.f("ck_alerts_severity")),
        sa.CheckConstraint("state IN ('open', 'acknowledged', 'resolved')", name=op.f("ck_alerts_state")),
        sa.ForeignKeyConstraint(
            ["run_id"], ["question_generation_runs.id"], name=op.f("fk_alerts_run_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
    )
    op.create_index("ix_alerts_opened_at", "alerts", [sa.literal_column("opened_at DESC")], unique=False)
    op.create_index(
        "uq_alerts_unresolved",
        "alerts",
        ["rule", "subject"],
        unique=True,
        postgresql_where=sa.text("state <> 'resolved'"),
    )
    op.create_index(
        "ix_alerts_believed",
        "alerts",
        ["rule"],
        unique=False,
        postgresql_where=sa.text("state <> 'resolved' OR told_severity IS NOT NULL"),
    )
    op.create_index(
        "ix_alerts_subject", "alerts", ["rule", "subject", sa.literal_column("opened_at DESC")], unique=False
    )
    op.create_index("ix_alerts_last_sent_at", "alerts", ["last_sent_at"], unique=False)
    op.create_table(
        "alert_messages",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("family", sa.String(length=20), nullable=False),
        sa.Column("severity", sa.String(length=20), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_messages")),
    )
    op.create_index(
        "ix_alert_messages_created_at", "alert_messages", [sa.literal_column("created_at DESC")], unique=False
    )
    op.create_table(
        "alert_deliveries",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("message_id", sa.UUID(), nullable=False),
        sa.Column("channel", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=20), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column(
            "history", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
        sa.CheckConstraint("state IN ('pending', 'delivered', 'failed')", name=op.f("ck_alert_deliveries_state")),
        sa.ForeignKeyConstraint(
            ["message_id"], ["alert_messages.id"], name=op.f("fk_alert_deliveries_message_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_deliveries")),
        sa.UniqueConstraint("message_id", "channel", name=op.f("uq_alert_deliveries_message_id_channel")),
    )
    op.create_index(
        "ix_alert_deliveries_due",
        "alert_deliveries",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "alert_mentions",
        sa.Column("message_id", sa.UUID(), nullable=False),
        sa.Column("alert_id", sa.UUID(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["alert_messages.id"], name=op.f("fk_alert_mentions_message_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["alert_id"], ["alerts.id"], name=op.f("fk_alert_mentions_alert_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("message_id", "alert_id", name=op.f("pk_alert_mentions")),
    )
    op.create_index("ix_alert_mentions_alert_id", "alert_mentions", ["alert_id"], unique=False)
    op.create_table(
        "alert_mutes",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("rule", sa.String(length=60), nullable=True),
        sa.Column("subject", sa.String(length=200), nullable=True),
        sa.Column("muted_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=120), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(length=120), nullable=True),
        sa.CheckConstraint("muted_until > created_at", name=op.f("ck_alert_mutes_times_in_order")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_mutes")),
    )
    op.create_index(
        "ix_alert_mutes_muted_until",
        "alert_mutes",
        ["muted_until"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "drill_series",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("run_id", sa.UUID(), nullable=True),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("status", sa.String(length=20), server_default="PENDING", nullable=False),
        sa.Column("verification", sa.String(length=20), server_default="UNVERIFIED", nullable=False),
        sa.Column("target_drill_count", sa.Integer(), nullable=False),
        sa.Column("planned_drill_count", sa.Integer(), nullable=False),
        sa.Column("phases", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("batch_size", sa.Integer(), nullable=False),
        sa.Column("curriculum", postgresql.JSON(astext_type=sa.Text()), nullable=False),
        sa.Column("positions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("position_cost", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("plan_warnings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("warning", sa.Text(), nullable=True),
        sa.Column("checked_with", sa.String(length=60), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("target_drill_count BETWEEN 5 AND 50", name=op.f("ck_drill_series_target_drill_count")),
        sa.CheckConstraint(
            "status IN ('PENDING', 'GENERATING', 'COMPLETED', 'FAILED')", name=op.f("ck_drill_series_status")
        ),
        sa.CheckConstraint(
            "verification IN ('VERIFIED', 'NEEDS_REVIEW', 'UNVERIFIED')", name=op.f("ck_drill_series_verification")
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["question_generation_runs.id"], name=op.f("fk_drill_series_run_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drill_series")),
    )
    op.create_index("ix_drill_series_created_at", "drill_series", [sa.literal_column("created_at DESC")], unique=False)
    op.create_table(
        "llm_calls",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("run_id", sa.UUID(), nullable=True),
        sa.Column("batch_id", sa.UUID(), nullable=True),
        sa.Column("candidate_id", sa.UUID(), nullable=True),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("provider", sa.String(length=60), nullable=False),
        sa.Column("model", sa.String(length=120), nullable=True),
        sa.Column("prompt_version", sa.String(length=50), nullable=True),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.Column("error_category", sa.String(length=40), nullable=True),
        sa.Column("fault", sa.String(length=20), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("input_tokens", sa.Integer(), nullable=True),
        sa.Column("output_tokens", sa.Integer(), nullable=True),
        sa.Column("cached_tokens", sa.Integer(), nullable=True),
        sa.Column("cost_usd", sa.Numeric(precision=14, scale=6), nullable=True),
        sa.Column("latency_seconds", sa.Float(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_llm_calls")),
    )
    op.create_index("ix_llm_calls_batch_id", "llm_calls", ["batch_id"], unique=False)
    op.create_index("ix_llm_calls_candidate_id", "llm_calls", ["candidate_id"], unique=False)
    op.create_index("ix_llm_calls_created_at", "llm_calls", ["created_at"], unique=False)
    op.create_index(
        "ix_llm_calls_failed",
        "llm_calls",
        ["id"],
        unique=False,
        postgresql_where=sa.text("error_category IS NOT NULL"),
    )
    op.create_index("ix_llm_calls_purpose", "llm_calls", ["purpose", "provider", "model", "id"], unique=False)
    op.create_index("ix_llm_calls_request_hash", "llm_calls", ["request_hash"], unique=False)
    op.create_index("ix_llm_calls_run_id", "llm_calls", ["run_id"], unique=False)
    op.create_table(
        "llm_jobs",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("run_id", sa.UUID(), nullable=False),
        sa.Column("provider", sa.String(length=60), nullable=False),
        sa.Column("model", sa.String(length=120), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("label", sa.String(length=80), nullable=False),
        sa.Column("job_id", sa.String(length=200), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("total", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("done", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("replies", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("errors", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("worst_usd", sa.Numeric(precision=14, scale=6), nullable=True),
        sa.Column("worst_tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("calls", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("polled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('prepared', 'running', 'ended', 'expired', 'cancelled', 'failed', 'lost')",
            name=op.f("ck_llm_jobs_state"),
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["question_generation_runs.id"], name=op.f("fk_llm_jobs_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_llm_jobs")),
        sa.UniqueConstraint("label", name=op.f("uq_llm_jobs_label")),
    )
    op.create_index(
        "ix_llm_jobs_open",
        "llm_jobs",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('prepared', 'running')"),
    )
    op.create_index("ix_llm_jobs_run_id", "llm_jobs", ["run_id"], unique=False)
    op.create_table(
        "question_batches",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("run_id", sa.UUID(), nullable=False),
        sa.Column("question_type", sa.String(length=60), nullable=False),
        sa.Column("difficulty", sa.String(length=60), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("seed", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=20), server_default="pending", nullable=False),
        sa.Column("calls", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("delivered", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("invalid", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("saturated", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("provider", sa.String(length=60), nullable=True),
        sa.Column("error_category", sa.String(length=40), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('pending', 'generating', 'completed', 'failed')", name=op.f("ck_question_batches_status")
        ),
        sa.CheckConstraint("delivered <= size", name=op.f("ck_question_batches_delivered")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_question_batches")),
        sa.UniqueConstraint(
            "run_id",
            "question_type",
            "difficulty",
            "index",
            name=op.f("uq_question_batches_run_id_question_type_difficulty_index"),
        ),
    )
    op.create_index("ix_question_batches_created_at", "question_batches", [sa.literal_column("created_at DESC"), "id"])
    op.create_index("ix_question_batches_status", "question_batches", ["status", sa.literal_column("created_at DESC")])
    op.create_table(
        "candidates",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("run_id", sa.UUID(), nullable=False),
        sa.Column("batch_id", sa.UUID(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("question_type", sa.String(length=60), nullable=False),
        sa.Column("difficulty", sa.String(length=60), nullable=False),
        sa.Column("requested_difficulty", sa.String(length=60), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("structure_hash", sa.String(length=64), nullable=True),
        sa.Column("provider", sa.String(length=60), nullable=False),
        sa.Column("model", sa.String(length=120), nullable=True),
        sa.Column("prompt_version", sa.String(length=50), nullable=True),
        sa.Column("arbiter_score", sa.Float(), nullable=True),
        sa.Column("judgement", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("duplicate_check", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("salvage", sa.String(length=40), nullable=True),
        sa.Column("parent_candidate_id", sa.UUID(), nullable=True),
        sa.Column("question_id", sa.UUID(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "state IN ('generated', 'approved', 'unique', 'inserted', 'rejected', 'duplicate', 'surplus', 'failed', 'superseded')",
            name=op.f("ck_candidates_state"),
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["question_batches.id"], name=op.f("fk_candidates_batch_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["parent_candidate_id"],
            ["candidates.id"],
            name=op.f("fk_candidates_parent_candidate_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_candidates")),
    )
    op.create_index("ix_candidates_content_hash", "candidates", ["content_hash"], unique=False)
    op.create_index("ix_candidates_parent_candidate_id", "candidates", ["parent_candidate_id"], unique=False)
    op.create_index(
        "ix_candidates_pending",
        "candidates",
        ["question_type", "difficulty", "state"],
        unique=False,
        postgresql_where=sa.text("state IN ('generated', 'approved', 'unique')"),
    )
    op.create_index("ix_candidates_run_id_state", "candidates", ["run_id", "state"], unique=False)
    op.create_index("ix_candidates_batch_id", "candidates", ["batch_id"], unique=False)
    op.create_index("ix_candidates_structure_hash", "candidates", ["structure_hash"], unique=False)
    op.create_index(
        "uq_candidates_batch_id_place",
        "candidates",
        ["batch_id", "place"],
        unique=True,
        postgresql_where=sa.text("state <> 'superseded'"),
    )
    op.create_table(
        "drill_batches",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("series_id", sa.UUID(), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("slots", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.String(length=20), server_default="pending", nullable=False),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("calls", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("delivered", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("invalid", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error_category", sa.String(length=40), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('pending', 'generating', 'completed', 'failed')", name=op.f("ck_drill_batches_status")
        ),
        sa.CheckConstraint("delivered <= size", name=op.f("ck_drill_batches_delivered")),
        sa.ForeignKeyConstraint(
            ["series_id"], ["drill_series.id"], name=op.f("fk_drill_batches_series_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drill_batches")),
        sa.UniqueConstraint("series_id", "index", name=op.f("uq_drill_batches_series_id_index")),
    )
    op.create_table(
        "candidate_embeddings",
        sa.Column("candidate_id", sa.UUID(), nullable=False),
        sa.Column("embedder", sa.String(length=120), nullable=False),
        sa.Column("lookup_key", sa.BigInteger(), nullable=False),
        sa.Column("word_keys", postgresql.ARRAY(sa.BigInteger()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("embedding", HalfVector(), nullable=False),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["candidates.id"], name=op.f("fk_candidate_embeddings_candidate_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("candidate_id", "embedder", name=op.f("pk_candidate_embeddings")),
    )
    op.create_index("ix_candidate_embeddings_lookup_key", "candidate_embeddings", ["lookup_key"], unique=False)
    op.create_table(
        "drills",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("series_id", sa.UUID(), nullable=False),
        sa.Column("batch_id", sa.UUID(), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("position_id", sa.String(length=40), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("provider", sa.String(length=60), nullable=False),
        sa.Column("model", sa.String(length=120), nullable=True),
        sa.Column("prompt_version", sa.String(length=50), nullable=True),
        sa.Column("verification", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("equity_loss", sa.Float(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["drill_batches.id"], name=op.f("fk_drills_batch_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["position_id"], ["positions.id"], name=op.f("fk_drills_position_id")),
        sa.ForeignKeyConstraint(
            ["series_id"], ["drill_series.id"], name=op.f("fk_drills_series_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drills")),
        sa.UniqueConstraint("series_id", "index", name=op.f("uq_drills_series_id_index")),
        sa.UniqueConstraint("series_id", "position_id", name=op.f("uq_drills_series_id_position_id")),
    )
    op.create_index("ix_drills_batch_id", "drills", ["batch_id"], unique=False)
    op.create_table(
        "questions",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("question_type", sa.String(length=60), nullable=False),
        sa.Column("difficulty", sa.String(length=60), nullable=False),
        sa.Column("sub_type", sa.String(length=60), nullable=False),
        sa.Column("stem", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("structure_hash", sa.String(length=64), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("source", sa.String(length=20), server_default="generated", nullable=False),
        sa.Column("provider", sa.String(length=60), nullable=True),
        sa.Column("model", sa.String(length=120), nullable=True),
        sa.Column("prompt_version", sa.String(length=50), nullable=True),
        sa.Column("arbiter_score", sa.Float(), nullable=True),
        sa.Column("candidate_id", sa.UUID(), nullable=True),
        sa.Column("vector_space", sa.String(length=120), nullable=True),
        sa.Column("run_id", sa.UUID(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("audited_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=True),
        sa.Column("deactivated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deactivated_by", sa.String(length=120), nullable=True),
        sa.Column("deactivated_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("is_active = (deactivated_at IS NULL)", name=op.f("ck_questions_deactivation")),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["candidates.id"], name=op.f("fk_questions_candidate_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_questions")),
        sa.UniqueConstraint("content_hash", name=op.f("uq_questions_content_hash")),
        sa.UniqueConstraint("structure_hash", name=op.f("uq_questions_structure_hash")),
    )
    op.create_index(
        "ix_questions_active_stratum",
        "questions",
        ["question_type", "difficulty", "created_at"],
        unique=False,
        postgresql_where=sa.text("is_active"),
    )
    op.create_index(
        "ix_questions_audited_at",
        "questions",
        ["audited_at", "id"],
        unique=False,
        postgresql_where=sa.text("is_active"),
    )
    op.create_index("ix_questions_candidate_id", "questions", ["candidate_id"], unique=False)
    op.create_index("ix_questions_vector_space", "questions", ["question_type", "vector_space"], unique=False)
    op.create_index("ix_questions_created_at", "questions", [sa.literal_column("created_at DESC"), "id"], unique=False)
    op.create_index("ix_questions_run_id", "questions", ["run_id"], unique=False)
    op.create_table(
        "question_embeddings",
        sa.Column("question_id", sa.UUID(), nullable=False),
        sa.Column("embedder", sa.String(length=120), nullable=False),
        sa.Column("lookup_key", sa.BigInteger(), nullable=False),
        sa.Column("word_keys", postgresql.ARRAY(sa.BigInteger()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("embedding", HalfVector(), nullable=False),
        sa.ForeignKeyConstraint(
            ["question_id"], ["questions.id"], name=op.f("fk_question_embeddings_question_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("question_id", "embedder", name=op.f("pk_question_embeddings")),
    )
    op.create_index("ix_question_embeddings_lookup_key", "question_embeddings", ["lookup_key"], unique=False)
    op.create_index(
        "ix_question_embeddings_word_keys",
        "question_embeddings",
        ["word_keys"],
        unique=False,
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
    op.create_table(
        "question_audits",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("question_id", sa.UUID(), nullable=False),
        sa.Column("run_id", sa.UUID(), nullable=True),
        sa.Column("audited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finding", sa.String(length=20), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "finding IN ('proved', 'wrong', 'ambiguous', 'unsolved')", name=op.f("ck_question_audits_finding")
        ),
        sa.CheckConstraint("action IN ('kept', 'deactivated', 'spared')", name=op.f("ck_question_audits_action")),
        sa.ForeignKeyConstraint(
            ["question_id"], ["questions.id"], name=op.f("fk_question_audits_question_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["question_generation_runs.id"], name=op.f("fk_question_audits_run_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_question_audits")),
    )
    op.create_index(
        "ix_question_audits_question_id", "question_audits", ["question_id", sa.literal_column("id DESC")], unique=False
    )
    op.create_index("ix_question_audits_run_id", "question_audits", ["run_id", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_question_audits_run_id", table_name="question_audits")
    op.drop_index("ix_question_audits_question_id", table_name="question_audits")
    op.drop_table("question_audits")
    op.drop_index(
        "ix_question_embeddings_word_keys",
        table_name="question_embeddings",
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
    op.drop_index("ix_question_embeddings_lookup_key", table_name="question_embeddings")
    op.drop_table("question_embeddings")
    op.drop_index("ix_questions_run_id", table_name="questions")
    op.drop_index("ix_questions_created_at", table_name="questions")
    op.drop_index("ix_questions_vector_space", table_name="questions")
    op.drop_index("ix_questions_candidate_id", table_name="questions")
    op.drop_index("ix_questions_audited_at", table_name="questions", postgresql_where=sa.text("is_active"))
    op.drop_index("ix_questions_active_stratum", table_name="questions", postgresql_where=sa.text("is_active"))
    op.drop_table("questions")
    op.drop_index("ix_drills_batch_id", table_name="drills")
    op.drop_table("drills")
    op.drop_index("ix_candidate_embeddings_lookup_key", table_name="candidate_embeddings")
    op.drop_table("candidate_embeddings")
    op.drop_table("drill_batches")
    op.drop_index(
        "uq_candidates_batch_id_place", table_name="candidates", postgresql_where=sa.text("state <> 'superseded'")
    )
    op.drop_index("ix_candidates_structure_hash", table_name="candidates")
    op.drop_index("ix_candidates_run_id_state", table_name="candidates")
    op.drop_index("ix_candidates_batch_id", table_name="candidates")
    op.drop_index(
        "ix_candidates_pending",
        table_name="candidates",
        postgresql_where=sa.text("state IN ('generated', 'approved', 'unique')"),
    )
    op.drop_index("ix_candidates_parent_candidate_id", table_name="candidates")
    op.drop_index("ix_candidates_content_hash", table_name="candidates")
    op.drop_table("candidates")
    op.drop_table("question_batches")
    op.drop_index("ix_llm_jobs_run_id", table_name="llm_jobs")
    op.drop_index(
        "ix_llm_jobs_open", table_name="llm_jobs", postgresql_where=sa.text("state IN ('prepared', 'running')")
    )
    op.drop_table("llm_jobs")
    op.drop_index("ix_llm_calls_request_hash", table_name="llm_calls")
    op.drop_index("ix_llm_calls_run_id", table_name="llm_calls")
    op.drop_index("ix_llm_calls_purpose", table_name="llm_calls")
    op.drop_index("ix_llm_calls_failed", table_name="llm_calls", postgresql_where=sa.text("error_category IS NOT NULL"))
    op.drop_index("ix_llm_calls_created_at", table_name="llm_calls")
    op.drop_index("ix_llm_calls_candidate_id", table_name="llm_calls")
    op.drop_index("ix_llm_calls_batch_id", table_name="llm_calls")
    op.drop_table("llm_calls")
    op.drop_index("ix_drill_series_created_at", table_name="drill_series")
    op.drop_table("drill_series")
    op.drop_index("ix_alert_mutes_muted_until", table_name="alert_mutes", postgresql_where=sa.text("ended_at IS NULL"))
    op.drop_table("alert_mutes")
    op.drop_index("ix_alert_mentions_alert_id", table_name="alert_mentions")
    op.drop_table("alert_mentions")
    op.drop_index(
        "ix_alert_deliveries_due", table_name="alert_deliveries", postgresql_where=sa.text("state = 'pending'")
    )
    op.drop_table("alert_deliveries")
    op.drop_index("ix_alert_messages_created_at", table_name="alert_messages")
    op.drop_table("alert_messages")
    op.drop_index("ix_alerts_last_sent_at", table_name="alerts")
    op.drop_index("ix_alerts_subject", table_name="alerts")
    op.drop_index(
        "ix_alerts_believed",
        table_name="alerts",
        postgresql_where=sa.text("state <> 'resolved' OR told_severity IS NOT NULL"),
    )
    op.drop_index("uq_alerts_unresolved", table_name="alerts", postgresql_where=sa.text("state <> 'resolved'"))
    op.drop_index("ix_alerts_opened_at", table_name="alerts")
    op.drop_table("alerts")
    op.drop_table("strata")
    op.drop_index("ix_report_outbox_kept", table_name="report_outbox", postgresql_where=sa.text("delivered_at IS NULL"))
    op.drop_index("ix_report_outbox_run_id", table_name="report_outbox")
    op.drop_table("report_outbox")
    op.drop_index("ix_qgr_status", table_name="question_generation_runs")
    op.drop_index("ix_qgr_started_at", table_name="question_generation_runs")
    op.drop_index("ix_qgr_parent_run_id", table_name="question_generation_runs")
    op.drop_index("ix_qgr_overall_success", table_name="question_generation_runs")
    op.drop_index("ix_qgr_environment", table_name="question_generation_runs")
    op.drop_table("question_generation_runs")
    op.execute("DROP FUNCTION qgen_forget_run_day()")
    op.drop_table("pruned_run_durations")
    op.drop_table("pruned_run_days")
    op.drop_table("run_days")
    op.drop_index("ix_positions_phase", table_name="positions")
    op.drop_table("positions")
    op.drop_index("ix_inventory_snapshots_taken_at", table_name="inventory_snapshots")
    op.drop_table("inventory_snapshots")
    op.drop_index("ix_generation_plans_created_at", table_name="generation_plans")
    op.drop_table("generation_plans")
