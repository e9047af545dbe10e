"""Is everything here that qgen needs? Checks that say what is wrong and how to mend it.

Here: the checks; each looks at one thing, none changes anything that matters, and a failing one never stops the others.
Not here: language models (`doctor_models.py`, `live_check.py`), printing (`cli/commands/doctor.py`), Dagster's own
check (handed in, since only `defs/` knows Dagster).
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from qgen_dagster.alerting.channels import channels_for
from qgen_dagster.alerting.deliver import is_understood
from qgen_dagster.config.settings import Settings, load_settings
from qgen_dagster.core.errors import DatabaseError, ExitCode, QgenError
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.services.doctor_models import model_checks
from qgen_dagster.services.findings import Finding, Health

if TYPE_CHECKING:
    from qgen_dagster.bank.engine import Bank

PACKAGES = ("dagster", "dagster-postgres", "dagster-webserver", "sqlalchemy", "psycopg", "pydantic")
API_KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY", "XAI_API_KEY")
OLDEST_PYTHON = (3, 11)
NEWEST_PYTHON = (3, 14)
WEB_PORT = 3000
FEW_BYTES = 2_000_000_000
TOO_FEW_BYTES = 200_000_000
_MOST_NAMED = 6
_OTHER_PATH = "Set the variable that names it to another path."

DagsterProbe = Callable[[Settings], str]


def examine(
    probe_dagster: DagsterProbe, environ: Mapping[str, str] | None = None, *, port: int = WEB_PORT, live: bool = False
) -> Iterator[Finding]:
    """Every finding, as it is made. `live`: every configured model is called once, at the end."""
    env = os.environ if environ is None else environ
    yield _python()
    yield _packages()
    try:
        settings = load_settings(env)
    except QgenError as error:
        yield _failed("environment", error)
        return
    yield Finding("environment", Health.OK, _variables_set(env))
    checks: list[tuple[str, Callable[[], Finding]]] = [
        ("home", partial(_home, settings)),
        ("disk", partial(_disk, settings)),
        ("taxonomy", partial(_taxonomy, settings)),
        ("alerting", partial(_alerting, settings)),
        ("item models", partial(_item_models, settings)),
        ("drills", partial(_drills, settings)),
        ("API keys", partial(_api_keys, env)),
        *_model_checks(settings),
        ("database", partial(_database, settings)),
        ("dagster", partial(_dagster, settings, probe_dagster)),
        ("web port", partial(_web_port, port)),
    ]
    for name, check in checks:
        yield _guarded(name, check)
    if live:
        yield from _live(settings)


def exit_code_of(findings: list[Finding]) -> ExitCode:
    """Success unless something failed; then what the first failure means."""
    return next((f.exit_code for f in findings if f.health is Health.FAIL), ExitCode.SUCCESS)


def _model_checks(settings: Settings) -> list[tuple[str, Callable[[], Finding]]]:
    try:
        return model_checks(settings)
    except QgenError as error:
        return [("models", partial(_failed, "models", error))]


def _live(settings: Settings) -> list[Finding]:
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.live_check import LIVE, check_models

    try:
        with open_bank(settings) as bank:
            found = check_models(bank, settings)
    except QgenError as error:  # its calls are written down, so there must be a database
        return [_failed(LIVE, error)]
    return found or [Finding(LIVE, Health.OK, "no model has a key, so none was called")]


def _guarded(name: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except QgenError as error:
        return _failed(name, error)
    except OSError as error:  # a path that no file can have, a folder that may not be looked into
        where = f": {error.filename}" if error.filename else ""
        return Finding(name, Health.FAIL, f"{error.strerror or error}{where}", _OTHER_PATH, ExitCode.CONFIGURATION)
    except Exception as error:
        text = f"{type(error).__name__}: {' '.join(str(error).split())}"
        return Finding(name, Health.FAIL, text, "This is a bug: please report it.", ExitCode.CONFIGURATION)


def _failed(name: str, error: QgenError) -> Finding:
    database = error.exit_code is ExitCode.DATABASE
    code = ExitCode.DATABASE if database else ExitCode.CONFIGURATION
    return Finding(name, Health.FAIL, error.message, error.hint, code)


def _python() -> Finding:
    here = sys.version_info[:2]
    detail = f"{sys.version.split()[0]} in {sys.prefix}"
    if OLDEST_PYTHON <= here <= NEWEST_PYTHON:
        return Finding("python", Health.OK, detail)
    wanted = f"{OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]} to {NEWEST_PYTHON[0]}.{NEWEST_PYTHON[1]}"
    return Finding("python", Health.FAIL, detail, f"qgen needs Python {wanted}.", ExitCode.CONFIGURATION)


def _packages() -> Finding:
    found, missing = [], []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            missing.append(package)
    if missing:
        mend = "Install qgen again: pip install -r requirements.lock"
        return Finding("packages", Health.FAIL, f"missing: {', '.join(missing)}", mend, ExitCode.CONFIGURATION)
    releases = {version(p) for p in ("dagster", "dagster-webserver")}
    if len(releases) > 1:
        mend = "dagster and dagster-webserver must be of one release: pip install -r requirements.lock"
        return Finding("packages", Health.FAIL, ", ".join(found), mend, ExitCode.CONFIGURATION)
    return Finding("packages", Health.OK, ", ".join(found))


def _variables_set(env: Mapping[str, str]) -> str:
    names = sorted(name for name in env if name.startswith("QGEN_"))
    return f"set: {', '.join(names)}" if names else "no QGEN_ variable is set; the defaults are used"


def _home(settings: Settings) -> Finding:
    home = settings.home
    place = _nearest(home)
    if not (place.is_dir() and os.access(place, os.W_OK | os.X_OK)):
        mend = "Set QGEN_HOME to a folder that this account may write to."
        return Finding("home", Health.FAIL, f"{home} is not writable", mend, ExitCode.CONFIGURATION)
    return Finding("home", Health.OK, f"{home}" if home.exists() else f"{home} (made when it is needed)")


def _disk(settings: Settings) -> Finding:
    free = shutil.disk_usage(_nearest(settings.home)).free
    detail = f"{free / 1e9:,.1f} GB free at {settings.home}"
    if free < TOO_FEW_BYTES:
        return Finding("disk", Health.FAIL, detail, "Free some space, or move QGEN_HOME.", ExitCode.CONFIGURATION)
    if free < FEW_BYTES:
        return Finding("disk", Health.WARN, detail, "A bank of a million questions needs about 10 GB.")
    return Finding("disk", Health.OK, detail)


def _nearest(path: Path) -> Path:
    """The path, or the closest folder above it that exists."""
    return next(p for p in (path, *path.parents) if p.exists())


def _taxonomy(settings: Settings) -> Finding:
    taxonomy = settings.taxonomy
    detail = f"{len(taxonomy.types)} types × {len(taxonomy.difficulties)} difficulties: {settings.taxonomy_file}"
    return Finding("taxonomy", Health.OK, detail)


def _alerting(settings: Settings) -> Finding:
    config = settings.alerting()
    limits, channels = config.inventory, channels_for(config, settings.alert_environment)
    detail = f"healthy {limits.healthy_min}, warning {limits.warning_min}, critical {limits.critical_min}"
    told = f"{len(channels)} channel{'s' * (len(channels) > 1)}" if channels else "no channel (QGEN_ALERT_URLS)"
    unknown = ", ".join(channel.name for channel in channels if not is_understood(channel))
    if unknown:
        mend = "See https://appriseit.com for how addresses are written; then: qgen alerts test"
        detail = f"an address that cannot be understood: {unknown}"
        return Finding("alerting", Health.FAIL, detail, mend, ExitCode.CONFIGURATION)
    return Finding("alerting", Health.OK, f"{detail}; {told}: {settings.alerting_file}")


def _item_models(settings: Settings) -> Finding:
    from qgen_dagster.generation.items.registry import models_for

    def served(stratum: Stratum) -> int:
        family = settings.taxonomy.question_type(stratum.question_type).item_models
        level = settings.taxonomy.difficulty(stratum.difficulty).item_level
        return len(models_for(family, level)) if family and level else 0

    counts = {stratum: served(stratum) for stratum in settings.taxonomy.strata}
    unserved = [stratum.key for stratum, count in counts.items() if not count]
    if not unserved:
        fewest = min(counts.values())
        return Finding("item models", Health.OK, f"at least {fewest} for each of {len(counts)} strata; no key needed")
    named = ", ".join(unserved[:_MOST_NAMED])
    if len(unserved) > _MOST_NAMED:
        named += f" and {len(unserved) - _MOST_NAMED} more"
    mend = "Give the type `item_models` and the difficulty an `item_level` in the taxonomy file."
    health = Health.FAIL if len(unserved) == len(counts) else Health.WARN
    code = ExitCode.CONFIGURATION if health is Health.FAIL else ExitCode.SUCCESS
    return Finding("item models", health, f"no provider can serve {named}", mend, code)


def _drills(settings: Settings) -> Finding:
    found = settings.curriculum
    detail = f"{len(found.principles)} principles, {len(found.methodologies)} methodologies: {settings.drills_file}"
    return Finding("drills", Health.OK, detail)


def _api_keys(env: Mapping[str, str]) -> Finding:
    present = [name for name in API_KEYS if env.get(name, "").strip()]
    return Finding("API keys", Health.OK, f"set: {', '.join(present)}" if present else "none set, none needed")


def _database(settings: Settings) -> Finding:
    from qgen_dagster.bank.embedded import EmbeddedServer
    from qgen_dagster.bank.engine import Bank
    from qgen_dagster.services.database import database_url

    if settings.database_url is None and EmbeddedServer.status(settings.home).state == "absent":
        return Finding("database", Health.OK, f"embedded, not made yet: the first command makes it in {settings.home}")
    with database_url(settings) as url:
        bank = Bank(url)
        try:
            return _bank_finding(bank, embedded=settings.database_url is None)
        finally:
            bank.close()


def _bank_finding(bank: Bank, *, embedded: bool) -> Finding:
    from qgen_dagster.bank import schema

    server = f"{'embedded ' if embedded else ''}PostgreSQL {bank.ping()}"
    with bank.begin() as tx:
        schema.check_server(tx)
    standing = schema.current_version(bank)
    detail = f"{server} with pgvector, migration {standing or 'none'}: {bank.shown_url}"
    if standing == schema.SCHEMA_VERSION:
        return Finding("database", Health.OK, detail)
    if embedded and (standing is None or standing < schema.SCHEMA_VERSION):
        return Finding("database", Health.OK, f"{detail} (brought up to date by the next command)")
    try:
        schema.require_current(bank)
    except DatabaseError as error:
        return Finding("database", Health.FAIL, f"{detail}; {error.message}", error.hint, ExitCode.DATABASE)
    return Finding("database", Health.OK, detail)


def _dagster(settings: Settings, probe: DagsterProbe) -> Finding:
    from qgen_dagster.bank.embedded import EmbeddedServer

    embedded = settings.database_url is None and settings.dagster_database_url is None
    if embedded and EmbeddedServer.status(settings.home).state == "absent":
        return Finding("dagster", Health.OK, "its database is not made yet: the first run makes it")
    try:
        return Finding("dagster", Health.OK, probe(settings))
    except DatabaseError as error:
        mend = "`qgen db upgrade` makes Dagster's database where it is missing; then check QGEN_DAGSTER_DATABASE_URL."
        return Finding("dagster", Health.FAIL, error.message, mend, ExitCode.DATABASE)


def _web_port(port: int) -> Finding:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            mend = f"If it is not qgen's own: qgen up --port {port + 1}"
            return Finding("web port", Health.WARN, f"{port} is in use", mend)
    return Finding("web port", Health.OK, f"{port} is free")
