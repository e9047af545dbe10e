"""The Dagster home and the instance opened from it."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from dagster import DagsterInstance
from dagster._core.workspace.load import location_origins_from_yaml_paths

from qgen_dagster.core.errors import ConfigurationError, DatabaseError
from qgen_dagster.defs import instance as module
from qgen_dagster.defs.instance import deploy_file, open_instance, prepare_dagster_home
from qgen_dagster.defs.storage import PooledEventLogStorage, close_pools


def test_the_home_gets_the_settings_of_this_qgen(tmp_path: Path) -> None:
    home = prepare_dagster_home(tmp_path)
    assert home == tmp_path / "dagster"
    assert yaml.safe_load((home / "dagster.yaml").read_text()) == yaml.safe_load(
        deploy_file("dagster.yaml").read_text()
    )


def test_an_unchanged_file_is_not_written_again(tmp_path: Path) -> None:
    file = prepare_dagster_home(tmp_path) / "dagster.yaml"
    before = file.stat()
    prepare_dagster_home(tmp_path)
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_changed_file_is_refreshed_and_nothing_else_is_left(tmp_path: Path) -> None:
    file = prepare_dagster_home(tmp_path) / "dagster.yaml"
    wanted = file.read_text()
    file.write_text("telemetry: {enabled: true}\n")
    prepare_dagster_home(tmp_path)
    assert file.read_text() == wanted
    assert list(file.parent.iterdir()) == [file]


def test_a_relative_home_becomes_absolute_as_dagster_demands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert prepare_dagster_home(Path(".qgen")) == tmp_path / ".qgen" / "dagster"


def test_a_home_that_is_a_file_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(ConfigurationError, match="Cannot write Dagster's settings"):
        prepare_dagster_home(tmp_path / "home")


def test_an_installation_without_checkout_uses_the_packaged_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site-packages" / "qgen_dagster"
    (package / "_deploy").mkdir(parents=True)
    (package / "_deploy" / "workspace.yaml").write_text("load_from: []\n")
    monkeypatch.setattr(module, "_PACKAGE", package)
    assert deploy_file("workspace.yaml") == package / "_deploy" / "workspace.yaml"
    with pytest.raises(ConfigurationError, match="lacks dagster"):
        deploy_file("dagster.yaml")


def test_preparing_the_home_does_not_import_dagster() -> None:
    code = (
        "import sys, pathlib, tempfile\n"
        "from qgen_dagster.defs.instance import prepare_dagster_home\n"
        "prepare_dagster_home(pathlib.Path(tempfile.mkdtemp()))\n"
        "print('dagster' in sys.modules, 'sqlalchemy' in sys.modules)\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "False False\n"


def test_the_instance_works_from_the_first_use_and_says_nothing(
    dagster_home: Path, new_database: Callable[[], str], capfd: pytest.CaptureFixture[str]
) -> None:
    url = new_database()
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        with open_instance(dagster_home, url) as instance:
            assert instance.get_runs() == []
            assert isinstance(instance.event_log_storage, PooledEventLogStorage)
            assert not instance.telemetry_enabled
            assert not instance.nux_enabled
    assert capfd.readouterr() == ("", "")


def test_opening_an_instance_leaves_no_variable_behind(
    dagster_home: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QGEN_DAGSTER_DATABASE_URL", raising=False)
    before = dict(os.environ)
    with open_instance(dagster_home, database):
        pass
    assert dict(os.environ) == before


def test_dagster_started_by_hand_reads_the_url_from_its_variable(
    dagster_home: Path, database: str, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(dagster_home))
    monkeypatch.setenv("QGEN_DAGSTER_DATABASE_URL", database)
    with DagsterInstance.get() as instance:
        assert isinstance(instance.event_log_storage, PooledEventLogStorage)
        assert instance.run_monitoring_enabled
        assert instance.run_retries_max_retries == 1
        assert not instance.run_retries_retry_on_asset_or_op_failure
    assert [str(warning.message) for warning in recwarn if "dagster" in str(warning.category)] == []
    close_pools()


def test_files_of_runs_stay_under_the_dagster_home(dagster_home: Path, database: str) -> None:
    with open_instance(dagster_home, database) as instance:
        assert Path(instance.storage_directory()).is_relative_to(dagster_home)
        base = instance.compute_log_manager.inst_data
        assert base is not None
        assert str(dagster_home) in base.config_yaml


def test_an_unreachable_database_is_said_at_once(dagster_home: Path, tmp_path: Path) -> None:
    url = f"postgresql+psycopg2://postgres@/nowhere?host={tmp_path}"
    with pytest.raises(DatabaseError, match="Dagster's database cannot be used"), open_instance(dagster_home, url):
        pass


def test_a_home_without_settings_is_a_configuration_error(tmp_path: Path, database: str) -> None:
    with pytest.raises(ConfigurationError, match="No dagster"), open_instance(tmp_path, database):
        pass


def test_the_workspace_names_the_code_location_qgen() -> None:
    [origin] = location_origins_from_yaml_paths([str(deploy_file("workspace.yaml"))])
    assert origin.location_name == "qgen"
    assert origin.loadable_target_origin.module_name == "qgen_dagster.definitions"
