"""The audit of the judges: the configured models judge the labelled set, and figures come of it.

Three things are measured: what all gates together make of each item, as in a run; how each solver answers it in several
orders of its options, and once more in the same one; how each arbiter scores it plain, again, reordered, and with a
longer explanation of equal content. An audit makes no questions, so it is no run and has no row: its calls are in the
journal without a run, and count in the day's budget. Not here: the figures (`judging/audit.py`), choosing the models
(`jury.py`), making the calls (`judge_asking.py`), printing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from uuid import uuid4

from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.loading import load_yaml
from qgen_dagster.config.settings import PACKAGED as CONFIG
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.core.errors import AuthenticationError, BillingError, ConfigurationError, QgenError
from qgen_dagster.core.progress import Notice, Progress, ProgressEvent, silent
from qgen_dagster.core.question import Question
from qgen_dagster.core.taxonomy import Taxonomy
from qgen_dagster.generation.calls import RetryPolicy
from qgen_dagster.generation.jobs import Job, Jobs, run_all
from qgen_dagster.generation.prompts.files import load_prompts
from qgen_dagster.generation.prompts.render import arbiter_version, solve_version
from qgen_dagster.generation.provider import Fault, ProviderError
from qgen_dagster.judging import audit
from qgen_dagster.judging.audit import Answered, Judged, Scored, Version
from qgen_dagster.judging.labelled_set import PACKAGED, Labelled, check_fit, load_labelled, spread
from qgen_dagster.judging.panel import shuffled
from qgen_dagster.services.budget import make_budget
from qgen_dagster.services.calls import Calls
from qgen_dagster.services.judge_asking import Asking
from qgen_dagster.services.jury import Jury, Spending
from qgen_dagster.services.options import DEFAULT_MAX_CONCURRENT, DEFAULT_MIN_SCORE, RunOptions
from qgen_dagster.services.work import now

ORDERS = 3  # in which a solver sees each item
PANEL_CALLS = 3  # about what a verdict needs: two solvers, one arbiter
# Replies that came and could not be used: what they say of a judge is a figure. Other failures say nothing of it.
_UNREADABLE = frozenset({Fault.EMPTY, Fault.REFUSED, Fault.TRUNCATED, Fault.MALFORMED})


@dataclass(frozen=True)
class AuditSet:
    """The items to judge, the taxonomy that they keep to, and the operator's prompts where these go with it."""

    items: tuple[Labelled, ...]
    taxonomy: Taxonomy
    prompts_folder: Path | None
    note: str | None = None


@dataclass(frozen=True)
class AuditOptions:
    """How an audit works. `fresh`: no reply of an earlier audit of the same day counts."""

    budget_usd: Decimal | None = None
    max_concurrent: int = DEFAULT_MAX_CONCURRENT
    min_score: float = DEFAULT_MIN_SCORE
    fresh: bool = False
    retry: RetryPolicy = field(default_factory=RetryPolicy)


@dataclass(frozen=True)
class AuditReport:
    """Everything that was measured. `stopped` says why calls were not made; None: all were.

    `calls` were sent, `reused` replies were found in the journal and cost nothing now. `errors` counts measurements
    that are missing, by category. `unmeasured` models never gave a reply that can be read.
    """

    at: datetime
    items: int
    good: int
    jury: Jury
    prompt_versions: tuple[str, ...]
    min_score: float
    rules: tuple[audit.RuleFigures, ...]
    panel: audit.PanelFigures
    solvers: tuple[audit.SolverFigures, ...]
    arbiters: tuple[audit.ArbiterFigures, ...]
    calls: int
    reused: int
    tokens: int
    cost_usd: Decimal
    unpriced: int
    errors: dict[str, int]
    stopped: str | None
    unmeasured: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether every judge was measured, and no limit ended the audit early."""
        return self.stopped is None and not self.unmeasured


def load_audit_set(settings: Settings, folder: Path | None = None, most: int | None = None) -> AuditSet:
    """The labelled set that ships, or one in a folder; `most` items of it, good and faulty in balance.

    The set that ships has a taxonomy of its own where the operator's has not got its types and difficulties. Raises
    ConfigurationError for files that cannot be used, and when an operator's set does not fit the operator's taxonomy.
    """
    items = tuple(spread(load_labelled(folder or PACKAGED), most))
    try:
        check_fit(items, settings.taxonomy)
    except ConfigurationError:
        if folder is not None:
            raise
        shipped = load_yaml(CONFIG / "taxonomy.yaml", Taxonomy)
        note = "your taxonomy has other types or levels: the judges are asked with the taxonomy and prompts that ship"
        return AuditSet(items, shipped, None, note)
    return AuditSet(items, settings.taxonomy, settings.prompts_folder)


def audit_judges(
    bank: Bank,
    settings: Settings,
    jury: Jury,
    labelled: AuditSet,
    options: AuditOptions,
    *,
    progress: Progress = silent,
    clock: Callable[[], datetime] = now,
) -> AuditReport:
    """Asks the judges about the items. An audit that was stopped goes on from its replies of the same day (UTC).

    Raises BillingError, AuthenticationError or QgenError when no judge gave a reply that can be read.
    """
    items = labelled.items
    at = clock()
    spending = Spending(make_budget(bank, settings, RunOptions(), uuid4(), clock), options.budget_usd)
    calls = Calls(
        bank,
        None,
        max_concurrent=options.max_concurrent,
        timer=time.monotonic,
        retry=options.retry,
        budget=spending,
    )
    try:
        key = str(uuid4()) if options.fresh else at.date().isoformat()
        prompts = load_prompts(labelled.taxonomy, labelled.prompts_folder)
        asking = Asking(settings, jury, calls, prompts, min_score=options.min_score, key=key)
        seen = _Audit(asking, items, progress)
        for note in filter(None, (labelled.note, _passed_over(jury))):
            progress(Notice(note))
        progress(Notice(f"{len(items)} questions, about {_expected_calls(asking, items):,} calls"))
        calls.run(run_all(Jobs(seen.jobs()), calls.max_open))
    finally:
        calls.close()
    seen.raise_if_silent()
    return seen.report(at, spending)


def _passed_over(jury: Jury) -> str | None:
    return f"no key for {', '.join(jury.passed_over)}: not audited" if jury.passed_over else None


def _expected_calls(asking: Asking, items: Sequence[Labelled]) -> int:
    longer = sum(item.longer is not None for item in items)
    answers = len(asking.jury.solvers) * len(items) * (ORDERS + 1)
    scores = len(asking.jury.arbiters) * (len(items) * (len(Version) - 1) + longer)
    return answers + scores + len(items) * PANEL_CALLS * asking.has_panel


class _Audit:
    """One pass over the items; collects what was said."""

    def __init__(self, asking: Asking, items: Sequence[Labelled], progress: Progress) -> None:
        self._asking = asking
        self._items = items
        self._progress = progress
        self._judged: list[Judged] = []
        self._answered: list[Answered] = []
        self._scored: list[Scored] = []
        self._errors: Counter[ErrorCategory] = Counter()
        self._last_error: ProviderError | None = None
        self._totals: Counter[str] = Counter()
        self._done: Counter[str] = Counter()

    def jobs(self) -> list[Job]:
        """The panel first: where the money ends early, at least what a run would do is known."""
        jury = self._asking.jury
        found: list[Job] = [partial(self._judge, item) for item in self._items if self._asking.has_panel]
        self._totals["panel"] = len(found)
        for item in self._items:
            for model in jury.solvers:
                turns = [*((turn, False) for turn in range(ORDERS)), (0, True)]
                found += [partial(self._answer, item, model, turn, again=again) for turn, again in turns]
                self._totals[f"{model} as solver"] += len(turns)
            for model in jury.arbiters:
                versions = [v for v in Version if v is not Version.LONGER or item.longer is not None]
                found += [partial(self._score, item, model, version) for version in versions]
                self._totals[f"{model} as arbiter"] += len(versions)
        return found

    async def _judge(self, item: Labelled) -> None:
        verdict = None
        try:
            verdict = await self._asking.together(item).judge(item.question, f"audit/{item.id}")
        except ProviderError as error:
            self._missed(error)
        self._judged.append(Judged(item, verdict))
        self._tell("Judged", "panel", "questions")

    async def _answer(self, item: Labelled, model: str, turn: int, *, again: bool) -> None:
        order = order_of(item, turn)
        panel = self._asking.alone(model, item, f"order/{turn}/{again}")
        try:
            answer = await panel.answer(item.question, 0, order)
        except ProviderError as error:
            if self._missed(error):
                self._answered.append(Answered(item, model, order, turn, again, None))
        else:
            self._answered.append(Answered(item, model, order, turn, again, answer))
        self._tell("Asked", f"{model} as solver", "times")

    async def _score(self, item: Labelled, model: str, version: Version) -> None:
        panel = self._asking.alone(model, item, f"version/{version}")
        try:
            assessment = await panel.assess(version_of(item, version), 0)
        except ProviderError as error:
            if self._missed(error):
                self._scored.append(Scored(item, model, version, None))
        else:
            self._scored.append(Scored(item, model, version, assessment))
        self._tell("Asked", f"{model} as arbiter", "times")

    def _missed(self, error: ProviderError) -> bool:
        """Takes note of an error; whether it says something of the judge."""
        self._errors[error.category] += 1
        self._last_error = error
        return error.fault in _UNREADABLE

    def _tell(self, stage: str, group: str, noun: str) -> None:
        self._done[group] += 1
        done, total = self._done[group], self._totals[group]
        self._progress(ProgressEvent(stage, group, done, total, noun=noun, group_noun="judge"))

    def raise_if_silent(self) -> None:
        """Raises for what kept every judge from saying anything; a spent budget is told in the report instead."""
        verdicts, answers = (j.verdict for j in self._judged), (a.answer for a in self._answered)
        said = [*verdicts, *answers, *(s.assessment for s in self._scored)]
        error = self._last_error
        if error is None or error.category is ErrorCategory.BUDGET or any(one is not None for one in said):
            return
        kinds: dict[ErrorCategory, type[QgenError]] = {
            ErrorCategory.BILLING_QUOTA: BillingError,
            ErrorCategory.AUTHENTICATION: AuthenticationError,
        }
        raise kinds.get(error.category, QgenError)(f"no judge gave a reply that can be read: {error.message}")

    def report(self, at: datetime, spending: Spending) -> AuditReport:
        """The figures of what was said."""
        asking, jury = self._asking, self._asking.jury
        types = dict.fromkeys(item.question.question_type for item in self._items)
        errors = {c.value: n for c, n in self._errors.items() if c is not ErrorCategory.BUDGET}
        spoke = {a.model for a in self._answered if a.answer} | {s.model for s in self._scored if s.assessment}
        return AuditReport(
            at=at,
            items=len(self._items),
            good=sum(item.fault is None for item in self._items),
            jury=jury,
            prompt_versions=(solve_version(asking.prompts), *(arbiter_version(asking.prompts, t) for t in types)),
            min_score=asking.min_score,
            rules=audit.rule_figures(self._items),
            panel=audit.panel_figures(self._judged),
            solvers=tuple(audit.solver_figures(model, self._answered) for model in jury.solvers),
            arbiters=tuple(audit.arbiter_figures(m, self._scored, asking.min_score) for m in jury.arbiters),
            calls=spending.calls,
            reused=asking.reused,
            tokens=spending.tokens,
            cost_usd=spending.usd,
            unpriced=spending.unpriced,
            errors=errors,
            stopped=spending.exhausted,
            unmeasured=tuple(model for model in jury.models if model not in spoke),
        )


def order_of(item: Labelled, turn: int) -> tuple[int, ...]:
    """The `turn`-th order of an item's options: one by chance, then the same moved on by a place each time."""
    first = shuffled(item.question, f"audit/{item.id}")
    return tuple(first[turn:] + first[:turn])


def version_of(item: Labelled, version: Version) -> Question:
    """The item as an arbiter sees it in this version."""
    if version is Version.LONGER and item.longer is not None:
        return item.longer
    return _moved_on(item.question) if version is Version.REORDERED else item.question


def _moved_on(question: Question) -> Question:
    """The same question with every option moved on by two places, the key among them."""
    options = question.options[-2:] + question.options[:-2]
    return question.model_copy(update={"options": options, "answer": (question.answer + 2) % len(options)})
