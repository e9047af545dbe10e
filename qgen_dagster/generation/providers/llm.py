"""The provider of questions that asks language models: prompt out, questions in.

Here: joining prompts, routes and the reading of replies behind the `Provider` contract. Not here: which models there
are and how they are asked (the routes are handed in), prompts (`prompts/`), reading (`replies/`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.generation.calls import Route
from qgen_dagster.generation.prompts.files import Prompts
from qgen_dagster.generation.prompts.render import (
    VersionedPrompt,
    generation_prompt,
    regeneration_prompt,
    reply_rules,
    sub_types_for,
)
from qgen_dagster.generation.provider import BatchRequest, Parsed, Reply
from qgen_dagster.generation.replies.questions import parse_questions

# (request, prompt) → whom to ask, in order
RoutesFor = Callable[[BatchRequest, VersionedPrompt], Sequence[Route]]
# (stratum, sub-types) → stems of questions that the bank has already
Known = Callable[[Stratum, Sequence[str]], Sequence[str]]


class LlmProvider:
    """Makes questions of every stratum by asking language models."""

    name = "llm"

    def __init__(self, prompts: Prompts, routes_for: RoutesFor, known: Known, offset: int = 0) -> None:
        self._prompts = prompts
        self._routes_for = routes_for
        self._known = known
        self._offset = offset

    def can_serve(self, stratum: Stratum) -> bool:
        """Whether anybody can be asked; the routes tell when it comes to it."""
        return True

    def routes(self, request: BatchRequest) -> Sequence[Route]:
        """Whom to ask for the batch, in order."""
        return self._routes_for(request, self._prompt(request))

    def parse(self, reply: Reply, request: BatchRequest) -> Parsed:
        """The questions of a reply. Raises ProviderError."""
        rules = reply_rules(self._prompts, request.stratum, request.size, self._sub_types(request))
        return parse_questions(reply.text, rules, request.seed)

    def _prompt(self, request: BatchRequest) -> VersionedPrompt:
        if request.instead_of is not None:
            avoid = self._known(request.stratum, [request.instead_of.sub_type])
            return regeneration_prompt(self._prompts, request.instead_of, request.feedback, avoid)
        kinds = self._sub_types(request)
        avoid = self._known(request.stratum, kinds)
        place = request.first_place + self._offset
        return generation_prompt(self._prompts, request.stratum, request.size, kinds, avoid, place)

    def _sub_types(self, request: BatchRequest) -> tuple[str, ...]:
        if request.instead_of is not None:
            return (request.instead_of.sub_type,)
        return sub_types_for(self._prompts, request.stratum, request.first_place, request.size, self._offset)
