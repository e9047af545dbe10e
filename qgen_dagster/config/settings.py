"""The settings of one process: environment variables and the files that they name.

Here: `Settings`, `load_settings`, and the readers of the packaged YAML. Not here: options of a single run
(`services/options.py`), and connecting to anything.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from qgen_dagster.config.addresses import checked_key, http_address, postgresql_url, split_addresses
from qgen_dagster.config.alerting import AlertingConfig
from qgen_dagster.config.clock import ScheduleTimes, parse_schedule_times
from qgen_dagster.config.embedders import EmbedderChoice, parse_embedder
from qgen_dagster.config.loading import load_yaml
from qgen_dagster.config.paths import typed_path
from qgen_dagster.config.reporting import Reporting, parse_reporting
from qgen_dagster.config.service_keys import ServiceKey, parse_service_keys
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.core.plan import MAX_QUESTIONS_PER_RUN
from qgen_dagster.core.taxonomy import Taxonomy

if TYPE_CHECKING:
    from qgen_dagster.config.drills import Curriculum
    from qgen_dagster.config.llm import LlmConfig

PACKAGED = Path(__file__).parent
DEFAULT_QUESTIONS_PER_RUN = 50
DEFAULT_RETENTION_DAYS = 90
MOST_DAYS = 36_500
MOST_TOKENS = 10**12
ENVIRONMENTS = ("production", "staging", "development")

# Every variable that qgen reads, with what it is for: `qgen doctor` and docs/operations.md print this table.
VARIABLES: Mapping[str, str] = {
    "QGEN_HOME": "folder of the embedded database and of Dagster's files (default: .qgen in the current folder)",
    "QGEN_DATABASE_URL": "the bank's PostgreSQL (default: the embedded server under QGEN_HOME)",
    "QGEN_DAGSTER_DATABASE_URL": "Dagster's own database, postgresql+psycopg2://… (default: beside the bank's)",
    "QGEN_TAXONOMY": "YAML file with your own types and difficulties (default: the one that ships)",
    "QGEN_PROMPTS": "folder with your own prompt files, in place of the packaged ones (see qgen prompts)",
    "QGEN_ALERTING_CONFIG": "YAML file with stock thresholds and alerting (default: the one that ships)",
    "QGEN_ALERT_URLS": "who is told of every alert: one or more addresses as https://appriseit.com writes them",
    "QGEN_ALERT_URLS_CRITICAL": "who is told of critical alerts besides",
    "QGEN_ALERT_URLS_WARNING": "who is told of warnings besides",
    "QGEN_MODELS": "YAML file with language models, prices and limits (default: the one that ships)",
    "QGEN_GENERATORS": "YAML file that says which models make questions (default: the one that ships)",
    "QGEN_JUDGES": "YAML file that says which models judge and solve (default: the one that ships)",
    "QGEN_OPENAI_COMPATIBLE_BASE_URL": "address of an OpenAI-compatible server of your own, for the model `local`",
    "QGEN_OPENAI_COMPATIBLE_API_KEY": "its key, where it wants one",
    "QGEN_GNUBG": "the GNU Backgammon program, for mining and checking drills (default: found where it usually is)",
    "QGEN_DRILLS": "YAML file with your own curriculum of drills (default: the one that ships)",
    "ENABLE_BATCH_DRILL_GENERATION": "false: a drill series is asked for in one single call, not in batches of five "
    "(default: true)",
    "QGEN_BUDGET_USD_PER_DAY": "no call is made that could bring the day (UTC) above this (default: no limit)",
    "QGEN_BUDGET_TOKENS_PER_DAY": "the same in tokens (default: no limit)",
    "QGEN_EMBEDDER": "what finds near questions: hashing, openai:MODEL, openai_compatible:MODEL or "
    "sentence-transformers:FOLDER (default: hashing, which needs no model)",
    "QGEN_QUESTIONS_PER_RUN": f"how many questions a run without --count or --fill plans (default: "
    f"{DEFAULT_QUESTIONS_PER_RUN})",
    "QGEN_ENVIRONMENT": f"recorded with each run: {', '.join(ENVIRONMENTS)} (default: development)",
    "QGEN_SERVICE_KEYS": "who may use the admin API: name:scope:key, separated by commas; scope is read or write, a "
    "key has at least 20 characters (default: nobody)",
    "QGEN_DAGSTER_URL": "address of the Dagster UI, for the dashboard's links (default: none; `qgen up` knows its own)",
    "QGEN_DASHBOARD_URL": "address of the dashboard, for links from Dagster (default: none; `qgen up` knows its own)",
    "QGEN_RETENTION_DAYS": "after how many days the job purge_history deletes history (default: 90)",
    "QGEN_NIGHTLY_CRON": "when the schedule nightly_auto_balance starts (default: 0 2 * * *)",
    "QGEN_AUDIT_CRON": "when the schedule weekly_audit starts (default: 0 4 * * 0)",
    "QGEN_RETENTION_CRON": "when the schedule retention starts (default: 30 5 * * 0)",
    "QGEN_TIMEZONE": "the time zone of these three, such as Europe/Paris (default: UTC)",
    "QGEN_REPORT_URL": "admin API of another installation that is told of every run too (default: nobody is)",
    "QGEN_SERVICE_KEY": "a key of that API, with scope write",
    "QGEN_REPORT": "on or off: whether runs are reported there (default: on, where QGEN_REPORT_URL is set)",
    "QGEN_LOG": "log format on standard error: text or json (default: text)",
}

# Whom alerts go to where alerting.yaml names no variables of its own.
ALERT_VARIABLES = ("QGEN_ALERT_URLS", "QGEN_ALERT_URLS_CRITICAL", "QGEN_ALERT_URLS_WARNING")

# Keys and addresses in the variables of the providers' own SDKs (generation/providers/registry.py: VARIABLES).
PROVIDER_VARIABLES = (
    *("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"),
    *("GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL", "XAI_API_KEY", "XAI_BASE_URL"),
    *("QGEN_OPENAI_COMPATIBLE_API_KEY", "QGEN_OPENAI_COMPATIBLE_BASE_URL"),
)


@dataclass(frozen=True)
class Settings:
    """What this process was told by its environment. Paths are absolute."""

    home: Path
    database_url: str | None = None
    dagster_database_url: str | None = None
    taxonomy_file: Path = PACKAGED / "taxonomy.yaml"
    alerting_file: Path = PACKAGED / "alerting.yaml"
    prompts_folder: Path | None = None
    questions_per_run: int = DEFAULT_QUESTIONS_PER_RUN
    retention_days: int = DEFAULT_RETENTION_DAYS
    environment: str = "development"
    log_format: str = "text"
    models_file: Path = PACKAGED / "models.yaml"
    generators_file: Path = PACKAGED / "generators.yaml"
    judges_file: Path = PACKAGED / "judges.yaml"
    drills_file: Path = PACKAGED / "drills.yaml"
    gnubg: str | None = None
    drill_batches: bool = True
    budget_usd_per_day: Decimal | None = None
    budget_tokens_per_day: int | None = None
    embedder: EmbedderChoice = field(default_factory=EmbedderChoice)
    service_keys: tuple[ServiceKey, ...] = field(default=(), repr=False)
    dagster_url: str | None = None
    dashboard_url: str | None = None
    schedules: ScheduleTimes = field(default_factory=ScheduleTimes)
    reporting: Reporting | None = None  # who is told of runs besides the bank
    # What alerting.yaml may refer to as ${NAME}: the whole environment; never shown.
    alert_environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    # Keys and addresses of providers, as the environment has them; never shown.
    provider_environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @cached_property
    def llm(self) -> LlmConfig:
        """Models, generators and judges, read once. Raises ConfigurationError naming file, line and key."""
        from qgen_dagster.config.llm import load_llm_config

        return load_llm_config(self.models_file, self.generators_file, self.judges_file)

    @cached_property
    def curriculum(self) -> Curriculum:
        """What drills teach, read once. Raises ConfigurationError naming file, line and key."""
        from qgen_dagster.config.drills import load_curriculum

        return load_curriculum(self.drills_file)

    @cached_property
    def taxonomy(self) -> Taxonomy:
        """Read once. Raises ConfigurationError naming file, line and key."""
        return load_yaml(self.taxonomy_file, Taxonomy)

    def alerting(self, path: Path | None = None) -> AlertingConfig:
        """The alerting configuration, from `path` where one is given. Raises ConfigurationError with line and key."""
        return self._alerting if path is None else load_yaml(path, AlertingConfig)

    @cached_property
    def _alerting(self) -> AlertingConfig:
        return load_yaml(self.alerting_file, AlertingConfig)


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment. Raises ConfigurationError for a value that cannot be used.

    An empty variable counts as not set. An unknown QGEN_… variable is refused with a suggestion, since a misspelt
    QGEN_DATABASE_URL that is ignored would fill the wrong database.
    """
    env = {k: v for k, v in (os.environ if environ is None else environ).items() if v.strip()}
    _refuse_unknown(env)
    environment = env.get("QGEN_ENVIRONMENT", "development")
    if environment not in ENVIRONMENTS:
        raise ConfigurationError(f"QGEN_ENVIRONMENT: {environment!r} is not one of {', '.join(ENVIRONMENTS)}")
    for name in ALERT_VARIABLES:
        split_addresses(name, env.get(name, ""))
    log_format = env.get("QGEN_LOG", "text")
    if log_format not in ("text", "json"):
        raise ConfigurationError(f"QGEN_LOG: {log_format!r} is not text or json")
    return Settings(
        home=_path(env.get("QGEN_HOME", ".qgen")),
        database_url=postgresql_url("QGEN_DATABASE_URL", env.get("QGEN_DATABASE_URL")),
        dagster_database_url=_dagster_database_url(env),
        taxonomy_file=_file(env, "QGEN_TAXONOMY", "taxonomy.yaml"),
        alerting_file=_file(env, "QGEN_ALERTING_CONFIG", "alerting.yaml"),
        models_file=_file(env, "QGEN_MODELS", "models.yaml"),
        generators_file=_file(env, "QGEN_GENERATORS", "generators.yaml"),
        judges_file=_file(env, "QGEN_JUDGES", "judges.yaml"),
        drills_file=_file(env, "QGEN_DRILLS", "drills.yaml"),
        gnubg=env.get("QGEN_GNUBG"),
        drill_batches=_flag("ENABLE_BATCH_DRILL_GENERATION", env.get("ENABLE_BATCH_DRILL_GENERATION"), True),
        prompts_folder=_path(env["QGEN_PROMPTS"]) if "QGEN_PROMPTS" in env else None,
        budget_usd_per_day=_amount("QGEN_BUDGET_USD_PER_DAY", env.get("QGEN_BUDGET_USD_PER_DAY")),
        budget_tokens_per_day=_positive(
            "QGEN_BUDGET_TOKENS_PER_DAY", env.get("QGEN_BUDGET_TOKENS_PER_DAY"), None, MOST_TOKENS
        ),
        embedder=parse_embedder(env.get("QGEN_EMBEDDER", "hashing")),
        service_keys=parse_service_keys(env.get("QGEN_SERVICE_KEYS", "")),
        dagster_url=_address("QGEN_DAGSTER_URL", env.get("QGEN_DAGSTER_URL")),
        dashboard_url=_address("QGEN_DASHBOARD_URL", env.get("QGEN_DASHBOARD_URL")),
        schedules=parse_schedule_times(env),
        reporting=parse_reporting(env),
        alert_environment=dict(env),
        provider_environment=_provider_environment(env),
        questions_per_run=_positive(
            "QGEN_QUESTIONS_PER_RUN",
            env.get("QGEN_QUESTIONS_PER_RUN"),
            DEFAULT_QUESTIONS_PER_RUN,
            MAX_QUESTIONS_PER_RUN,
        ),
        retention_days=_positive(
            "QGEN_RETENTION_DAYS", env.get("QGEN_RETENTION_DAYS"), DEFAULT_RETENTION_DAYS, MOST_DAYS
        ),
        environment=environment,
        log_format=log_format,
    )


def _refuse_unknown(env: Mapping[str, str]) -> None:
    import difflib

    for name in sorted(env):
        if name.startswith("QGEN_") and name not in VARIABLES:
            close = difflib.get_close_matches(name, VARIABLES, n=1)
            hint = f"Did you mean {close[0]}?" if close else f"Known: {', '.join(VARIABLES)}."
            raise ConfigurationError(f"unknown environment variable {name}", hint=hint)


def _path(value: str) -> Path:
    return typed_path(value).absolute()


def _address(name: str, value: str | None) -> str | None:
    """An http address that others are led to, without a slash at its end."""
    if value is None:
        return None
    hint = "It looks like http://host:3000, and holds no name or password."
    if http_address(name, value, hint=hint).username is not None:
        raise ConfigurationError(f"{name} holds a name or password, and others are led there", hint=hint)
    return value.rstrip("/")


def _dagster_database_url(env: Mapping[str, str]) -> str | None:
    """With the driver that Dagster speaks, where none is named: left to itself, SQLAlchemy takes another."""
    name = "QGEN_DAGSTER_DATABASE_URL"
    found = postgresql_url(name, env.get(name), drivers=("psycopg2",))
    return None if found is None else found.replace("postgresql://", "postgresql+psycopg2://", 1)


def _provider_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Keys and addresses as they are given. One that no call could be made with would end a run that has begun."""
    found = {name: env[name] for name in PROVIDER_VARIABLES if name in env}
    for name, value in found.items():
        if name.endswith("_BASE_URL"):
            hint = "It looks like http://localhost:8000/v1. Mend the variable, or leave it unset."
            http_address(name, value.strip(), hint=hint)
        else:
            checked_key(name, value)
    return found


def _file(env: Mapping[str, str], variable: str, packaged: str) -> Path:
    return _path(env[variable]) if variable in env else PACKAGED / packaged


N = TypeVar("N", int, int | None)


def _positive(name: str, value: str | None, default: N, most: int) -> int | N:
    if value is None:
        return default
    try:
        number = int(value)
    except ValueError:
        number = 0
    if not 1 <= number <= most:
        raise ConfigurationError(f"{name}: {value!r} is not a whole number from 1 to {most:,}")
    return number


def _flag(name: str, value: str | None, default: bool) -> bool:
    if value is None:
        return default
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if value.strip().lower() not in known:
        raise ConfigurationError(f"{name}: {value!r} is not true or false")
    return known[value.strip().lower()]


def _amount(name: str, value: str | None) -> Decimal | None:
    if value is None:
        return None
    try:
        amount = Decimal(value)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        raise ConfigurationError(f"{name}: {value!r} is not an amount of USD")
    return amount
