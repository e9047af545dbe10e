"""One cheap call to every model that the configuration names: is it there, is its key good, has its account money?

Its calls are in the journal (purpose `check`) and count in the day's budget. Not here: the checks that ask nobody
(`doctor_models.py`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from decimal import Decimal
from uuid import UUID, uuid4

from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.core.errors import ExitCode, QgenError
from qgen_dagster.dedup.embedder import EmbedderDown
from qgen_dagster.generation.calls import Call, Caller, RetryPolicy
from qgen_dagster.generation.prompts.render import VersionedPrompt
from qgen_dagster.generation.prompts.schemas import COMPARISON
from qgen_dagster.generation.provider import Fault, ProviderError
from qgen_dagster.generation.replies.verdicts import parse_comparison
from qgen_dagster.services.budget import make_budget
from qgen_dagster.services.calls import CHECK, Calls, digest_of
from qgen_dagster.services.desk import Desk
from qgen_dagster.services.doctor_models import models_in_use
from qgen_dagster.services.embedding import open_embedder
from qgen_dagster.services.findings import Finding, Health
from qgen_dagster.services.options import RunOptions
from qgen_dagster.services.work import now

LIVE = "live"  # the name of all findings here
AT_ONCE = 8
OUTPUT_TOKENS = 100
TIMEOUT_SECONDS = 30.0
# The smallest task that runs have, so that what is tried is what they need: the form of the reply too.
_QUESTION = "<question>\nQuestion: What is one plus one?\nA) 1\nB) 2\nC) 3\nD) 4\n</question>\n"
_PROMPT = VersionedPrompt(
    system="You compare two questions of a test. Answer with one JSON object: same (true or false) and reason (short).",
    user=f"Task: compare\n\nAre these two the same problem?\n{_QUESTION}{_QUESTION}",
    schema_name="comparison",
    schema=COMPARISON,
    version="check/1",
)
NO_RETRIES = RetryPolicy(max_retries=0, rate_limit_retries=0)


def check_models(bank: Bank, settings: Settings, models: Sequence[str] | None = None) -> list[Finding]:
    """A finding per model, and one for the embedder where a provider makes its vectors. All are asked at once."""
    wanted = models_in_use(settings) if models is None else list(models)
    budget = make_budget(bank, settings, RunOptions(), uuid4(), now)
    with closing(
        Calls(bank, None, max_concurrent=AT_ONCE, timer=time.monotonic, retry=NO_RETRIES, budget=budget)
    ) as calls:
        desk = Desk(settings.llm, settings.provider_environment, timer=time.monotonic, on_close=calls.on_close)

        async def ask_all() -> list[Finding]:
            return await asyncio.gather(*(ask(desk, calls.caller, model, uuid4()) for model in wanted))

        found = calls.run(ask_all()) if wanted else []
        return [*found, *_embedder(settings, lambda: calls)]


async def ask(desk: Desk, caller: Caller, model: str, once: UUID) -> Finding:
    """What one cheap call to the model shows; a model that has answered under the name `once` is not asked again."""
    try:
        route = desk.route(
            model,
            _PROMPT,
            temperature=0.0,
            output_tokens=OUTPUT_TOKENS,
            timeout_seconds=TIMEOUT_SECONDS,
            keep_partial=True,
        )
        reply = await caller.call(Call(CHECK, digest_of(CHECK, once, model)), [route])
    except ProviderError as error:
        return _failed(error.category, error.message, error.fault)
    except QgenError as error:
        return Finding(LIVE, Health.FAIL, f"{model}: {error.message}", error.hint, ExitCode.CONFIGURATION)
    answers = f"{model} answers{_price(reply.cost_usd)}"
    try:
        parse_comparison(reply.text)
    except ProviderError:
        mend = "If runs find its replies unreadable too: another `structured` for it in models.yaml (tool or none)."
        return Finding(LIVE, Health.WARN, f"{answers}, but not in the form that was asked for", mend)
    return Finding(LIVE, Health.OK, answers)


def _embedder(settings: Settings, calls: Callable[[], Calls]) -> list[Finding]:
    choice = settings.embedder
    if not choice.remote:
        return []
    try:
        length = open_embedder(settings, calls).embed(["Does it answer?"]).shape[1]
    except EmbedderDown as down:
        return [_failed(down.category or ErrorCategory.UNKNOWN, down.message)]
    except QgenError as error:
        return [Finding(LIVE, Health.FAIL, error.message, error.hint, ExitCode.CONFIGURATION)]
    return [Finding(LIVE, Health.OK, f"{choice} answers with vectors of {length:,} numbers")]


def _failed(category: ErrorCategory, message: str, fault: Fault = Fault.STATUS) -> Finding:
    if category is ErrorCategory.MODEL_ERROR and fault is not Fault.STATUS:
        return Finding(LIVE, Health.WARN, message, "The model is there. Ask again; then name another one.")
    health, mend, code = _MEANING.get(category, _OTHERWISE)
    return Finding(LIVE, health, message, mend, code)


def _price(usd: Decimal | None) -> str:
    return f" ({usd:.4f} USD)" if usd else ""


_OTHERWISE = (Health.FAIL, "Try again; the details: qgen calls list --purpose check", ExitCode.PARTIAL_FAILURE)
_MEANING = {
    ErrorCategory.AUTHENTICATION: (
        Health.FAIL,
        "Check the provider's key, and whether it may use this model.",
        ExitCode.AUTHENTICATION,
    ),
    ErrorCategory.BILLING_QUOTA: (
        Health.FAIL,
        "Add credit at the provider, or raise the limit of the account.",
        ExitCode.BILLING,
    ),
    ErrorCategory.MODEL_ERROR: (
        Health.FAIL,
        "Retired or misspelt: name another model in generators.yaml and judges.yaml, and describe it in models.yaml.",
        ExitCode.CONFIGURATION,
    ),
    ErrorCategory.INVALID_REQUEST: (
        Health.FAIL,
        "Check what models.yaml says of it: structured, temperature, reasoning_tokens.",
        ExitCode.CONFIGURATION,
    ),
    ErrorCategory.RATE_LIMIT: (Health.WARN, "It is there, but busy. Try again later.", ExitCode.SUCCESS),
    ErrorCategory.PARSE_ERROR: (Health.WARN, "It is there. Try again.", ExitCode.SUCCESS),
    ErrorCategory.BUDGET: (Health.WARN, "It was not asked. See QGEN_BUDGET_USD_PER_DAY.", ExitCode.SUCCESS),
}
