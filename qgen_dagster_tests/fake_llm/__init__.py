"""A local server that speaks the wire protocols of the language models' providers, for tests, benchmarks and by hand.

    python -m qgen_dagster_tests.fake_llm --port 8099 --latency 0.2 --fault 429:0.1

    with FakeLlm(["429:0.1", Fault("reset", calls=(3,))], latency=0.05) as server:
        openai.AsyncOpenAI(base_url=server.env["OPENAI_BASE_URL"], api_key="any")
        server.stats["openai"].calls

The official SDKs work against it unmodified. Behind it stands no model but a `Brain` that knows the tasks of qgen's
prompts and answers from the item models.
"""

from .faults import Fault
from .server import FakeLlm, FakeLlmProcess
from .settings import Settings
from .stats import Stats

__all__ = ["FakeLlm", "FakeLlmProcess", "Fault", "Settings", "Stats"]
