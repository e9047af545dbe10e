"""The server by hand: `python -m qgen_dagster_tests.fake_llm --help`."""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
from collections.abc import Sequence

from .faults import DELIVERY_KINDS, MODEL_TASKS, QUESTION_KINDS, REPLY_KINDS, SERVICE_TASKS, STATUS_KINDS, Fault
from .server import READY, run, serve
from .settings import BAD_KEY, NO_MONEY_KEY, NO_RIGHTS_KEY, PROVIDERS, Settings, environment

_FAULTS = f"""
faults: --fault KIND:SHARE or KIND:@CALLS, then fields as in 429:0.1:provider=openai:task=solve:count=3:retry_after=2
  SHARE      part of the calls that it meets, 0-1 (429:0.1); faults that meet the same calls add up
  @CALLS     the numbers of the calls that it meets, from 1 (reset:@3,7)
  provider   {", ".join(PROVIDERS)}
  task       {", ".join(MODEL_TASKS)} (any of these unless named),
             {", ".join(SERVICE_TASKS)} (only where named)
  count, retry_after (429), seconds (timeout, drip), api=batch (a status meets single requests of batch jobs)

kinds
  statuses   {", ".join(STATUS_KINDS)} (quota: the money is spent)
  delivery   {", ".join(DELIVERY_KINDS)}
  replies    {", ".join(REPLY_KINDS)}
  questions  {", ".join(QUESTION_KINDS)}

keys with a meaning: {BAD_KEY} (not valid), {NO_MONEY_KEY} (credit spent), {NO_RIGHTS_KEY} (no access to the model).
While it runs: GET / for help, GET /_stats, POST /_reset, POST /_control.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until it is interrupted. Returns the exit code."""
    options = _parser().parse_args(arguments)
    settings = Settings(
        latency=options.latency,
        jitter=options.jitter,
        seed=random.randrange(2**31) if options.seed is None else options.seed,
        rate=options.rate,
        burst=options.burst,
        tokens_per_minute=options.tokens_per_minute,
        keys=options.keys.split(",") if options.keys else None,
        retired=options.retired.split(",") if options.retired else [],
        solver_error_rate=dict(options.solver_error_rate),
        reasoning_tokens=options.reasoning_tokens,
        warm=options.warm,
        batch_delay=options.batch_delay,
        batch_outcome=options.batch_outcome,
        batch_done_share=options.batch_done_share,
    )
    try:
        run(_run(settings, options.fault, options.host, options.port))
    except OSError as error:
        print(f"cannot serve on {options.host}:{options.port}: {error}", file=sys.stderr)
        return 1
    return 0


async def _run(settings: Settings, faults: list[Fault], host: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serve(settings, faults, host, port) as url:
        print(f"{READY}{url} (seed {settings.seed})")
        for name, value in environment(url).items():
            print(f"export {name}={value}")
        sys.stdout.flush()
        await stop.wait()


def _fault(text: str) -> Fault:
    try:
        return Fault.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _error_rate(text: str) -> tuple[str, float]:
    provider, _, rate = text.partition(":")
    if provider not in PROVIDERS:
        raise argparse.ArgumentTypeError(f"no provider is called {provider!r}; there are {', '.join(PROVIDERS)}")
    return provider, float(rate)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m qgen_dagster_tests.fake_llm",
        description="Speaks the protocols of OpenAI, Anthropic, Google and xAI, without a model behind it.",
        epilog=_FAULTS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=8099, help="0 takes a free one (default 8099)")
    add("--latency", type=float, default=0.0, metavar="SECONDS", help="of every model call")
    add("--jitter", type=float, default=0.0, metavar="SHARE", help="0.25 spreads the latency by ±25 %%")
    add("--fault", type=_fault, action="append", default=[], metavar="FAULT", help="see below; may be repeated")
    add("--seed", type=int, help="the same seed makes the same questions and faults (default: drawn and printed)")
    add("--warm", type=int, default=20, metavar="N", help="questions per stratum made before the start (default 20)")
    add("--rate", type=float, metavar="N", help="requests a second and provider; more are answered with 429")
    add("--burst", type=float, metavar="N", help="how many may come at once under --rate (default: one second's)")
    add("--tokens-per-minute", type=int, metavar="N", help="input tokens a minute and provider")
    add("--keys", metavar="KEY,…", help="the only keys that are good (default: any)")
    add("--retired", metavar="MODEL,…", help="models that do not exist any more")
    add("--solver-error-rate", type=_error_rate, action="append", default=[], metavar="PROVIDER:SHARE")
    add("--reasoning-tokens", type=int, default=0, metavar="N", help="billed with every reply")
    add("--batch-delay", type=float, default=0.0, metavar="SECONDS", help="until a batch job has ended")
    add("--batch-outcome", choices=("completed", "expired", "failed"), default="completed")
    add("--batch-done-share", type=float, default=0.5, metavar="SHARE", help="answered when a job expires early")
    return parser


if __name__ == "__main__":
    sys.exit(main())
