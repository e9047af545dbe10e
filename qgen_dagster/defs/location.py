"""The code location of the workspace, for runs that are started in this process.

Its origin is what makes such a run a full member of the UI: "re-execute" finds the job again by it. Not here: starting
runs (`launch.py`).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import dagster as dg
from dagster._core.code_pointer import CodePointer
from dagster._core.definitions.job_definition import JobDefinition
from dagster._core.definitions.repository_definition import RepositoryDefinition
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin, get_python_environment_entry_point
from dagster._core.remote_origin import CodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.workspace.load import location_origins_from_yaml_paths
from dagster._grpc.utils import get_loadable_targets

from qgen_dagster.core.errors import ConfigurationError

from .instance import deploy_file


@dataclass(frozen=True)
class Location:
    """The code location of the workspace, as the webserver would name it, and its definitions loaded here."""

    origin: CodeLocationOrigin
    pointer: CodePointer
    repository: RepositoryDefinition

    @staticmethod
    def load(workspace: Path | None, definitions: dg.Definitions | None) -> Location:
        """The location that `workspace` names (the product's own, where None), or `definitions` under its name."""
        origin = location_origins_from_yaml_paths([str(workspace or deploy_file("workspace.yaml"))])[0]
        target = origin.loadable_target_origin
        [loaded] = get_loadable_targets(
            python_file=target.python_file,
            module_name=target.module_name,
            package_name=target.package_name,
            autoload_defs_module_name=target.autoload_defs_module_name,
            working_directory=target.working_directory,
            attribute=target.attribute,
            resolve_lazy_defs=True,
        )
        pointer = CodePointer.from_module(cast("str", target.module_name), loaded.attribute, target.working_directory)
        found = definitions or loaded.target_definition
        repository = (
            found.get_repository_def()
            if isinstance(found, dg.Definitions)
            else cast("RepositoryDefinition", pointer.load_target())
        )
        return Location(origin, pointer, repository)

    def job(self, name: str) -> JobDefinition:
        """The job of that name. Raises ConfigurationError, which says what jobs there are."""
        if not self.repository.has_job(name):
            known = ", ".join(sorted(job for job in self.repository.job_names if not job.startswith("__")))
            raise ConfigurationError(f"There is no job {name}.", hint=f"Jobs: {known}.")
        return self.repository.get_job(name)

    def remote_origin(self, job_name: str) -> RemoteJobOrigin:
        """Where the webserver finds the job."""
        return RemoteRepositoryOrigin(self.origin, self.repository.name).get_job_origin(job_name)

    def code_origin(self, job_name: str) -> JobPythonOrigin:
        """Where a child process of Dagster finds the job."""
        executable = self.origin.loadable_target_origin.executable_path or sys.executable
        return JobPythonOrigin(
            job_name,
            RepositoryPythonOrigin(
                executable_path=executable,
                code_pointer=self.pointer,
                entry_point=get_python_environment_entry_point(executable),
            ),
        )
