"""How a night ended, as plain facts: no Dagster in here, so that whoever only reads them starts fast."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestration.errors import ExitCode


@dataclass(frozen=True)
class Failure:
    """The step that ended a night.

    Parameters
    ----------
    step
        Its name.
    message
        What failed, where and how many rows.
    exit_code
        What the process tells the scheduler.
    is_defect
        Whether it was foreseen by nobody; the message is a traceback then.
    """

    step: str
    message: str
    exit_code: ExitCode
    is_defect: bool = False


@dataclass(frozen=True)
class Night:
    """How a run ended.

    Parameters
    ----------
    run_id
        Dagster's id of the run.
    manifest
        What is published now; ``None`` when nothing ever was.
    refused
        Message of each table whose newest batch was refused, by table.
    failure
        The first failure, or ``None``.
    warnings
        What went less than well and did not keep the night from publishing.
    decided
        What the night built and why, as lines of text.
    kept_version
        The version that stands because there was nothing new; ``None`` when the night published or failed.
    """

    run_id: str
    manifest: Mapping[str, Any] | None
    refused: Mapping[str, str]
    failure: Failure | None = None
    warnings: tuple[str, ...] = ()
    decided: tuple[str, ...] = ()
    kept_version: str | None = None

    @property
    def exit_code(self) -> ExitCode:
        """Return what the process tells the scheduler."""
        if self.failure is not None:
            return self.failure.exit_code
        return ExitCode.PUBLISHED_STALE if self.refused else ExitCode.OK
