"""Dbt's models as one Dagster step: assets with lineage to the raw tables, dbt tests as checks.

One `dbt build` a night. A test of severity error fails the step, and with it the night: publish does not happen.
Unit tests are left out; they say whether the SQL is right, not whether tonight's data is, and belong to `make test`.
Probable links are an extra: when nothing but their scoring fails, dbt builds again with the switch off, and the night ends well with a
warning.
"""

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliEventMessage, dbt_assets
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from orchestration.errors import ExitCode
from orchestration.settings import Settings
from orchestration.transform.failures import describe_failures
from orchestration.transform.runner import DbtOutcome, NodeFailure, run_dbt
from orchestration.transform.translator import HouseTranslator

STEP_NAME = "dbt_build"
# Tag of every node that the night can do without.
PROBABLE_LINKS = "probable_links"
PROBABLE_LINKS_MODEL = "int_identity__probable_links"
_GO_ON = (
    "probable links: not scored tonight, because of what follows. The exact links stand, nothing else is affected. "
    "Mend the model of probable links (leadrelay identity train) or switch it off (var identity_probable_links)."
)
# As much of the reason as the check keeps.
_REASON_LENGTH = 500
# Metadata of an observation that the night's screen shows.
WARNING = "warning"


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

    links_key = next(
        translator.get_asset_key(node) for node in manifest["nodes"].values() if node["name"] == PROBABLE_LINKS_MODEL
    )

    def build(
        context: dg.AssetExecutionContext, arguments: Sequence[str], told: set[object]
    ) -> Generator[Any, None, tuple[DbtOutcome, list[Any]]]:
        """Run dbt once and yield what ended well and was not told before; return how it ended, and the checks that failed."""
        held: list[Any] = []
        events = run_dbt(settings, arguments)
        while True:
            try:
                raw_event = next(events)
            except StopIteration as stop:
                outcome: DbtOutcome = stop.value
                return outcome, held
            event: DbtCliEventMessage = DbtCoreCliEventMessage(raw_event=raw_event, event_history_metadata={})
            for found in event.to_default_asset_events(
                manifest=manifest, dagster_dbt_translator=translator, context=context
            ):
                key = _event_key(found)
                if isinstance(found, dg.AssetCheckResult) and not found.passed:
                    held.append(found)
                elif key not in told:
                    told.add(key)
                    yield found

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
        told: set[object] = set()
        outcome, held = yield from build(context, arguments, told)
        if not outcome.success and only_links_failed(manifest, outcome.failures):
            because = describe_failures(settings, manifest, outcome)
            yield dg.AssetObservation(asset_key=links_key, metadata={WARNING: f"{_GO_ON}\n{because}"})
            switched_off = {
                "identity_probable_links": False,
                "identity_probable_links_failed": because[:_REASON_LENGTH],
            }
            outcome, held = yield from build(context, [*arguments, "--vars", json.dumps(switched_off)], told)
        yield from held
        context.log.info("dbt: %s", ", ".join(f"{count} {status}" for status, count in sorted(outcome.counts.items())))
        if not outcome.success:
            raise dg.Failure(
                description=describe_failures(settings, manifest, outcome),
                metadata={"exit_code": int(ExitCode.NOT_PUBLISHED)},
                allow_retries=False,
            )

    return dbt


def only_links_failed(manifest: Mapping[str, Any], failures: Sequence[NodeFailure]) -> bool:
    """Return whether every node that failed serves probable links alone, by its tag or by the model that it tests.

    Parameters
    ----------
    manifest
        Says which nodes are tagged.
    failures
        What failed in one dbt run; none means that dbt itself did.
    """
    nodes = manifest["nodes"]
    extra = {node["name"] for node in nodes.values() if PROBABLE_LINKS in node.get("tags", ())}
    return bool(failures) and all(
        failure.name in extra or nodes.get(failure.tested_model, {}).get("name") in extra for failure in failures
    )


def _event_key(event: object) -> object:
    """Return what an event is about, so that a second dbt run does not tell the same again."""
    if isinstance(event, dg.AssetCheckResult):
        return (event.asset_key, event.check_name)
    if isinstance(event, dg.Output):
        return event.output_name
    return id(event)


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
