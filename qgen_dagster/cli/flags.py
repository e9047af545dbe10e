"""Flags that several commands share, each declared once.

A command takes a whole group of them as one parameter (`def plan(stock: StockFlags)`); `with_flags` shows typer the
single flags. Not here: what the values mean and their final check (`services/options.py`).
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

from qgen_dagster.core.batch import DEFAULT_BATCH_SIZE, MAX_BATCH_SIZE
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.core.inventory import DEFAULT_TARGET_PER_STRATUM
from qgen_dagster.core.plan import MAX_QUESTIONS_PER_RUN
from qgen_dagster.services.options import (
    DEFAULT_MAX_CONCURRENT,
    DEFAULT_MAX_ROUNDS,
    DEFAULT_MIN_SCORE,
    MAX_TARGET,
    RunOptions,
    make_options,
)

if TYPE_CHECKING:
    from qgen_dagster.config.settings import Settings

_STRATA = "Which strata"
_STOCK = "What counts as stocked"
_WORK = "How to work"
_LIMITS = "Limits"
LONGEST_NAME = 120  # of who deactivates, acknowledges, mutes

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
VerboseFlag = Annotated[bool, typer.Option("--verbose", "-v", help="Show logs, and where an error came from.")]
LimitFlag = Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, max=10_000, help="How many to list.")]
WhoFlag = Annotated[str | None, typer.Option("--by", metavar="WHO", help="Who; your user name otherwise.")]
OffsetFlag = Annotated[int, typer.Option("--offset", metavar="N", min=0, max=10**9, help="Leave out the newest N.")]


@dataclass(frozen=True, kw_only=True)
class Flags:
    """What marks a dataclass as a group of flags."""


def _use_taxonomy(file: str | None) -> str | None:
    if file:
        # The one place that everything in this process, Dagster's assets included, reads it from.
        os.environ["QGEN_TAXONOMY"] = file
    return file


@dataclass(frozen=True, kw_only=True)
class CommonFlags(Flags):
    """For every command that tells something."""

    json: JsonFlag = False
    verbose: VerboseFlag = False


@dataclass(frozen=True, kw_only=True)
class StrataFlags(Flags):
    """Which strata."""

    types: Annotated[
        list[str] | None,
        typer.Option(metavar="TYPE,…", help="Only these question types.", rich_help_panel=_STRATA),
    ] = None
    difficulties: Annotated[
        list[str] | None,
        typer.Option(metavar="LEVEL,…", help="Only these difficulties.", rich_help_panel=_STRATA),
    ] = None
    taxonomy: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Your own types and difficulties.",
            rich_help_panel=_STRATA,
            is_eager=True,
            callback=_use_taxonomy,
        ),
    ] = None

    def values(self, settings: Settings) -> dict[str, Any]:
        """Types and difficulties by their keys. Raises ConfigurationError with a suggestion for an unknown one."""
        if self.taxonomy is not None:
            named_file("--taxonomy", self.taxonomy)
        known = settings.taxonomy
        types, difficulties = split("--types", self.types), split("--difficulties", self.difficulties)
        return {
            "types": tuple(dict.fromkeys(known.question_type(name).key for name in types)),
            "difficulties": tuple(dict.fromkeys(known.difficulty(name).key for name in difficulties)),
        }


@dataclass(frozen=True, kw_only=True)
class StockFlags(StrataFlags):
    """What counts as stocked."""

    target_per_stratum: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, max=MAX_TARGET, help="Questions wanted in each stratum.", rich_help_panel=_STOCK
        ),
    ] = DEFAULT_TARGET_PER_STRATUM
    healthy_threshold: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=0, max=MAX_TARGET, help="Healthy from here (alerting.yaml: 50).", rich_help_panel=_STOCK
        ),
    ] = None
    warning_threshold: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            max=MAX_TARGET,
            help="Low from here, warning below (alerting.yaml: 20).",
            rich_help_panel=_STOCK,
        ),
    ] = None
    critical_threshold: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=0, max=MAX_TARGET, help="Critical below (alerting.yaml: 5).", rich_help_panel=_STOCK
        ),
    ] = None
    alerting_config: Annotated[
        str | None, typer.Option(metavar="FILE", help="Another alerting.yaml.", rich_help_panel=_STOCK)
    ] = None

    def values(self, settings: Settings) -> dict[str, Any]:
        """The values for `make_options`."""
        if self.alerting_config is not None:
            named_file("--alerting-config", self.alerting_config)
        names = ("target_per_stratum", "healthy_threshold", "warning_threshold", "critical_threshold")
        return {
            **super().values(settings),
            **{name: getattr(self, name) for name in names},
            "alerting_config": self.alerting_config,
        }


@dataclass(frozen=True, kw_only=True)
class RunFlags(Flags):
    """How a run works."""

    asynchronous: Annotated[
        bool,
        typer.Option("--async/--no-async", help="Calls at the same time, or one at a time.", rich_help_panel=_WORK),
    ] = True
    provider: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Only this provider (procedural: no model).", rich_help_panel=_WORK),
    ] = None
    provider_tier: Annotated[
        Literal["primary", "fallback", "balanced"],
        typer.Option(metavar="TIER", help="primary, fallback or balanced providers.", rich_help_panel=_WORK),
    ] = "primary"
    batch_api: Annotated[
        bool,
        typer.Option("--batch-api", help="Batch jobs: half the price, up to a day.", rich_help_panel=_WORK),
    ] = False
    batch_only: Annotated[
        bool,
        typer.Option(
            "--batch-only", help="The same; what a job does not bring is not made online.", rich_help_panel=_WORK
        ),
    ] = False
    skip_preflight: Annotated[
        bool,
        typer.Option("--skip-preflight", help="Do not ask each model once at the start.", rich_help_panel=_WORK),
    ] = False
    batch_size: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, max=MAX_BATCH_SIZE, help="Questions asked for in one call.", rich_help_panel=_WORK
        ),
    ] = DEFAULT_BATCH_SIZE
    max_concurrent: Annotated[
        int, typer.Option(metavar="N", min=1, max=500, help="Calls at the same time.", rich_help_panel=_WORK)
    ] = DEFAULT_MAX_CONCURRENT
    min_score: Annotated[
        float,
        typer.Option(metavar="X", min=0, max=1, help="The judge's score that passes.", rich_help_panel=_LIMITS),
    ] = DEFAULT_MIN_SCORE
    budget_usd: Annotated[
        float | None,
        typer.Option(
            metavar="USD", min=0, max=1_000_000, help="Stop when this much is spent.", rich_help_panel=_LIMITS
        ),
    ] = None
    budget_tokens: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, max=10**12, help="The same in tokens.", rich_help_panel=_LIMITS),
    ] = None
    triggered_by: Annotated[str, typer.Option(metavar="WHO", help="Recorded with the run.", rich_help_panel=_WORK)] = (
        "manual"
    )
    seed: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Same seed and same bank: same questions.", rich_help_panel=_WORK),
    ] = None

    def values(self) -> dict[str, Any]:
        """The values for `make_options`."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        # Through text, so that 0.1 stays 0.1.
        given["budget_usd"] = None if self.budget_usd is None else str(self.budget_usd)
        given["mode"] = "batch" if given.pop("batch_api") or self.batch_only else "online"
        return given


@dataclass(frozen=True, kw_only=True)
class BalanceFlags(Flags):
    """How much a balancing run does."""

    count: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=MAX_QUESTIONS_PER_RUN,
            help="Questions to make in all; without it, what is missing (see QGEN_QUESTIONS_PER_RUN).",
            rich_help_panel=_LIMITS,
        ),
    ] = None
    fill: Annotated[
        bool,
        typer.Option("--fill", help="Round after round until nothing is missing.", rich_help_panel=_LIMITS),
    ] = False
    max_rounds: Annotated[
        int, typer.Option(metavar="N", min=1, max=100, help="The most rounds of --fill.", rich_help_panel=_LIMITS)
    ] = DEFAULT_MAX_ROUNDS
    skip_inventory_alerts: Annotated[
        bool,
        typer.Option("--skip-inventory-alerts", help="Send no alerts about low stock.", rich_help_panel=_STOCK),
    ] = False

    def values(self) -> dict[str, Any]:
        """The values for `make_options`."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def run_options(settings: Settings, stock: StrataFlags, *groups: Any, **values: Any) -> RunOptions:
    """The checked options of a run. Thresholds and the alerting file are checked here, before anything is started."""
    merged = stock.values(settings)
    for group in groups:
        merged.update(group.values())
    options = make_options(**{**merged, **values})
    options.thresholds(settings.alerting(options.alerting_file).inventory.thresholds())
    return options


def split(flag: str, given: Iterable[str] | None) -> list[str]:
    """The names in a flag that may be repeated, hold several names with commas, or both.

    Raises ConfigurationError for a flag that names nothing: an empty shell variable must not mean everything.
    """
    names = [name.strip() for text in given or () for name in text.split(",") if name.strip()]
    if given and not names:
        raise ConfigurationError(f"{flag}: names nothing", hint=f"Leave {flag} away to choose all.")
    return names


def named_file(flag: str, given: str) -> str:
    """The file that a flag names. Raises ConfigurationError for none: an empty variable must not mean the default."""
    if not given.strip():
        raise ConfigurationError(f"{flag}: names no file", hint=f"Leave {flag} away to take the one that ships.")
    return given


def who(by: str | None) -> str:
    """Who does it: as --by says, else the name of this account. Raises ConfigurationError."""
    import getpass

    if by is not None and not by.strip():
        raise ConfigurationError("--by: say who")
    try:
        name = (by or getpass.getuser()).strip()
    except (OSError, KeyError):  # an account without a name, as in some containers
        name = "unknown"
    if len(name) > LONGEST_NAME:
        raise ConfigurationError(f"--by: a name has at most {LONGEST_NAME} characters")
    return name


def with_flags(function: Callable[..., Any]) -> Callable[..., Any]:
    """The command as typer should see it: each group of flags among its parameters spread out into single flags."""
    hints = get_type_hints(function, include_extras=True)
    groups: dict[str, type[Flags]] = {}
    shown: list[inspect.Parameter] = []
    for parameter in inspect.signature(function).parameters.values():
        hint = hints[parameter.name]
        if isinstance(hint, type) and issubclass(hint, Flags):
            groups[parameter.name] = hint
            shown += _parameters_of(hint)
        else:
            shown.append(parameter.replace(annotation=hint, kind=inspect.Parameter.KEYWORD_ONLY))

    def command(**given: Any) -> Any:
        for name, group in groups.items():
            given[name] = group(**{f.name: given.pop(f.name) for f in fields(group)})
        return function(**given)

    command.__name__ = function.__name__
    command.__doc__ = function.__doc__
    command.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    command.__annotations__ = {}
    return command


def _parameters_of(group: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=hints[field.name],
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
        )
        for field in fields(group)
    ]
