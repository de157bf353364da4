"""Dbt's models as one Dagster step: assets with lineage to the raw tables, dbt tests as checks.

One `dbt build` a night. A test of severity error fails the step, and with it the night: publish does not happen.
Unit tests are left out; they say whether the SQL is right, not whether tonight's data is, and belong to `make test`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliEventMessage, dbt_assets
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from orchestration.errors import ExitCode
from orchestration.settings import Settings
from orchestration.transform.failures import describe_failures
from orchestration.transform.runner import DbtOutcome, run_dbt
from orchestration.transform.translator import HouseTranslator

STEP_NAME = "dbt_build"


def build_dbt_assets(settings: Settings, manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    """Return every seed and model of the manifest as assets of one step.

    Parameters
    ----------
    settings
        The home whose warehouse dbt works in.
    manifest
        Content of dbt's ``manifest.json``.
    """
    translator = HouseTranslator()

    @dbt_assets(manifest=manifest, dagster_dbt_translator=translator, name=STEP_NAME)
    def dbt(context: dg.AssetExecutionContext) -> Iterator[Any]:
        arguments = [
            "--quiet",
            "--log-level-file",
            "info",
            "build",
            "--exclude-resource-type",
            "unit_test",
            *_selection(context, manifest, translator),
        ]
        events = run_dbt(settings, arguments)
        while True:
            try:
                raw_event = next(events)
            except StopIteration as stop:
                outcome: DbtOutcome = stop.value
                break
            event: DbtCliEventMessage = DbtCoreCliEventMessage(raw_event=raw_event, event_history_metadata={})
            yield from event.to_default_asset_events(
                manifest=manifest, dagster_dbt_translator=translator, context=context
            )
        context.log.info("dbt: %s", ", ".join(f"{count} {status}" for status, count in sorted(outcome.counts.items())))
        if not outcome.success:
            raise dg.Failure(
                description=describe_failures(settings, manifest, outcome),
                metadata={"exit_code": int(ExitCode.NOT_PUBLISHED)},
                allow_retries=False,
            )

    return dbt


def _selection(
    context: dg.AssetExecutionContext, manifest: Mapping[str, Any], translator: HouseTranslator
) -> list[str]:
    """Return dbt's ``--select`` for the assets and checks asked for; nothing when that is all of them."""
    if not context.is_subset:
        return []
    names = [
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] in {"model", "seed", "snapshot"}
        and translator.get_asset_key(node) in context.selected_asset_keys
    ]
    lone_checks = [
        key.name for key in context.selected_asset_check_keys if key.asset_key not in context.selected_asset_keys
    ]
    return ["--select", *sorted(names), *sorted(lone_checks)]
