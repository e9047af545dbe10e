"""The chain of stages without Dagster, as its assets call them; and providers that misbehave on purpose."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from uuid import UUID, uuid4

from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.question import Question
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.generation.calls import RetryPolicy, Route
from qgen_dagster.generation.provider import BatchRequest, Parsed, Reply
from qgen_dagster.generation.providers.procedural import ProceduralProvider
from qgen_dagster.services import inventory
from qgen_dagster.services.balance import RoundRequest
from qgen_dagster.services.deduplicate import deduplicate
from qgen_dagster.services.generate import generate
from qgen_dagster.services.insert import insert
from qgen_dagster.services.judge import judge
from qgen_dagster.services.options import RunOptions
from qgen_dagster.services.runs import run_session
from qgen_dagster.services.work import Work, make_work

NO_WAITING = RetryPolicy(base=0.0, cap=0.0, jitter=0.0)
STAGES = (judge, deduplicate, insert)


def run_chain(work: Work, *, parent_run_id: UUID | None = None, round_: int = 1) -> UUID:
    """One whole run; returns its id."""
    with run_session(work, parent_run_id=parent_run_id, round_=round_, judges_along=True) as session:
        generate(session, inventory.plan_run(work))
        for stage in STAGES:
            stage(session, work.strata, session.enter(work.strata))
    return work.run_id


def work_for(bank: Bank, settings: Settings, run_id: UUID | None = None, **options: object) -> Work:
    """Work with the built-in provider and no waiting between retries."""
    # A fixed seed: which items are made must not change from one test run to the next.
    chosen = RunOptions.model_validate({"seed": "chain", **options})
    made = make_work(bank, settings, chosen, run_id or uuid4())
    return replace(made, retry=NO_WAITING)


class PlainLauncher:
    """A launcher that runs the chain in this process, without Dagster."""

    def __init__(self, bank: Bank, settings: Settings, prepare: Callable[[Work], Work] = lambda work: work) -> None:
        self.bank = bank
        self.settings = settings
        self.prepare = prepare
        self.requests: list[RoundRequest] = []

    def run(self, request: RoundRequest) -> BaseException | None:
        self.requests.append(request)
        work = make_work(self.bank, self.settings, request.options, request.run_id)
        return self._try(replace(work, retry=NO_WAITING), request.parent_run_id, request.number)

    def resume(self, run_id: UUID) -> BaseException | None:
        work = make_work(self.bank, self.settings, RunOptions(), run_id)
        return self._try(replace(work, retry=NO_WAITING), None, 1)

    def _try(self, work: Work, parent: UUID | None, number: int) -> BaseException | None:
        try:
            run_chain(self.prepare(work), parent_run_id=parent, round_=number)
        except Exception as error:
            return error
        return None


class ScriptedProvider:
    """The procedural provider behind a script: per call either an error to raise or a change of its questions."""

    name = "scripted"

    def __init__(self, inner: ProceduralProvider, script: Callable[[BatchRequest, list[Question]], list[Question]]):
        self.inner = inner
        self.script = script
        self.requests: list[BatchRequest] = []

    def can_serve(self, stratum: Stratum) -> bool:
        return self.inner.can_serve(stratum)

    def routes(self, request: BatchRequest) -> list[Route]:
        return [Route(provider=self.name, model="script-1", send=lambda: self.generate(request), worst_usd=Decimal)]

    async def generate(self, request: BatchRequest) -> Reply:
        self.requests.append(request)
        made = await self.inner.generate(request)
        questions = self.script(request, list(self.inner.parse(made, request).questions))
        text = json.dumps({"questions": [q.model_dump(mode="json") for q in questions]})
        return Reply(text=text, provider=self.name, model="script-1", input_tokens=100, output_tokens=50)

    def parse(self, reply: Reply, request: BatchRequest) -> Parsed:
        return self.inner.parse(reply, request)


def with_script(
    work: Work, script: Callable[[BatchRequest, list[Question]], list[Question]]
) -> tuple[Work, ScriptedProvider]:
    """The same work, but its provider follows the script."""
    assert isinstance(work.procedural, ProceduralProvider)
    provider = ScriptedProvider(work.procedural, script)
    return replace(work, choose=lambda stratum: provider), provider


def as_is(request: BatchRequest, questions: list[Question]) -> list[Question]:
    """A script that changes nothing."""
    return questions
