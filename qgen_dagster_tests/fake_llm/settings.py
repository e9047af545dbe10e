"""How the server behaves, and where each provider is mounted.

Here: `Settings`, `PROVIDERS`, `environment`. Not here: faults (`faults.py`), the command line (`__main__.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

PROVIDERS = ("openai", "anthropic", "google", "xai", "compatible")
KEY = "fake-key"
# Keys with a meaning; any other is good, unless `Settings.keys` names the good ones.
BAD_KEY = "bad-key"
NO_MONEY_KEY = "no-money"
NO_RIGHTS_KEY = "no-rights"

Outcome = Literal["completed", "expired", "failed"]


@dataclass
class Settings:
    """Times in seconds. Whatever is a mapping is keyed by provider.

    `rate` is requests per second and provider, `burst` how many may come at once (a second's worth unless given);
    `reasoning_tokens` are billed with every reply; `warm` questions per stratum are made before the first call.
    `retired` models do not exist (any more). A batch job ends after `batch_delay` with `batch_outcome`; of one that
    expires or is cancelled, `batch_done_share` was answered.
    """

    latency: float = 0.0
    jitter: float = 0.0
    seed: int = 0
    rate: float | None = None
    burst: float | None = None
    tokens_per_minute: int | None = None
    keys: list[str] | None = None
    retired: list[str] = field(default_factory=list)
    solver_error_rate: dict[str, float] = field(default_factory=dict)
    reasoning_tokens: int = 0
    warm: int = 0
    batch_delay: float = 0.0
    batch_outcome: Outcome = "completed"
    batch_done_share: float = 0.5

    def update(self, changes: Mapping[str, object]) -> None:
        """Sets what is named. Raises ValueError for an unknown name."""
        for name, value in changes.items():
            if name not in type(self).__dataclass_fields__:
                raise ValueError(f"no setting is called {name!r}")
            setattr(self, name, value)


def environment(url: str) -> dict[str, str]:
    """The variables that make the official SDKs, and qgen, speak to the server at `url`."""
    return {
        "OPENAI_BASE_URL": f"{url}/openai/v1",
        "OPENAI_API_KEY": KEY,
        "ANTHROPIC_BASE_URL": f"{url}/anthropic",
        "ANTHROPIC_API_KEY": KEY,
        "GOOGLE_GEMINI_BASE_URL": f"{url}/google",
        "GEMINI_API_KEY": KEY,
        "XAI_BASE_URL": f"{url}/xai/v1",
        "XAI_API_KEY": KEY,
        "QGEN_OPENAI_COMPATIBLE_BASE_URL": f"{url}/compatible/v1",
        "QGEN_OPENAI_COMPATIBLE_API_KEY": KEY,
    }
