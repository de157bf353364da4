"""Dbt's models as one Dagster step: assets with lineage to the raw tables, dbt tests as checks.

One `dbt build` a night. A test of severity error fails the step, and with it the night: publish does not happen.
Unit tests are left out; they say whether the SQL is right, not whether tonight's data is, and belong to `make test`.
What is built is decided by `plan`. What stands is reported again with the run that built it, and its tests with their result; when there
is nothing to publish either, it is only observed, and the publish step is skipped.
Probable links are an extra: when nothing but their scoring fails, dbt builds again with the switch off, and the night ends well with a
warning.
"""

import json
import logging
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliEventMessage, dbt_assets
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from orchestration.errors import ExitCode
from orchestration.ingest.contract import load_contract
from orchestration.ingest.warehouse import connect, prepare
from orchestration.operate.lock import hold_night
from orchestration.publish.assets import MARTS_KEY
from orchestration.settings import Settings
from orchestration.transform.failures import describe_failures
from orchestration.transform.plan import Plan, forget, make_plan, remember
from orchestration.transform.runner import DbtOutcome, NodeFailure, run_dbt
from orchestration.transform.translator import HouseTranslator

_log = logging.getLogger(__name__)
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
DECIDED = "decided"
KEPT_VERSION = "kept version"
_UNCHANGED = "unchanged since run"
# The status under which a plan's nodes are written down for dbt.
_TO_BUILD = "error"
_CHANGED = (
    "the project was changed while the night ran: dbt built {name}, which was not there when the night began.\n"
    "What is published stands. Run again; and let nights run from a checkout that nobody edits."
)


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
        # A run of this step alone must not slip in between the steps of another process's night.
        hold_night(settings)
        plan = _decide(settings, manifest, is_subset=context.is_subset)
        selection = _selection(context, manifest, translator)
        if plan is not None:
            _log.info("%s", "\n".join(plan.lines()))
            yield _decision(plan)
            yield from _unchanged(plan, manifest, translator, {spec.name: spec.key for spec in dbt.check_specs})
            if not plan.reasons:
                return
            selection = _planned_selection(plan, settings)
        arguments = ["build", "--exclude-resource-type", "unit_test", *selection]
        step = _Step(settings, manifest, translator, context)
        outcome, held = yield from step.build(arguments)
        is_whole = outcome.success
        if not outcome.success and only_links_failed(manifest, outcome.failures):
            because = describe_failures(settings, manifest, outcome)
            yield step.warning(f"{_GO_ON}\n{because}")
            switched_off = {
                "identity_probable_links": False,
                "identity_probable_links_failed": because[:_REASON_LENGTH],
            }
            outcome, held = yield from step.build([*arguments, "--vars", json.dumps(switched_off)])
        yield from held
        context.log.info("dbt: %s", ", ".join(f"{count} {status}" for status, count in sorted(outcome.counts.items())))
        if not outcome.success:
            raise dg.Failure(
                description=describe_failures(settings, manifest, outcome),
                metadata={"exit_code": int(ExitCode.NOT_PUBLISHED)},
                allow_retries=False,
            )
        if plan is not None and is_whole:
            with connect(settings) as connection:
                remember(connection, plan, context.run.run_id, outcome.passed)

    return dbt


class _Step:
    """What one run of the step has told so far, over all of its dbt runs."""

    def __init__(
        self,
        settings: Settings,
        manifest: Mapping[str, Any],
        translator: HouseTranslator,
        context: dg.AssetExecutionContext,
    ) -> None:
        self.settings = settings
        self.manifest = manifest
        self.translator = translator
        self.context = context
        self.told: set[object] = set()

    def build(self, arguments: Sequence[str]) -> Generator[Any, None, tuple[DbtOutcome, list[Any]]]:
        """Run dbt once and yield what ended well and was not told before; return how it ended, and the checks that failed."""
        held: list[Any] = []
        # Closed here and not when the garbage is collected: a night that fails in the middle leaves nothing of dbt's behind.
        with closing(run_dbt(self.settings, arguments)) as events:
            while True:
                try:
                    raw_event = next(events)
                except StopIteration as stop:
                    outcome: DbtOutcome = stop.value
                    return outcome, held
                name = raw_event["data"]["node_info"]["unique_id"]
                if name not in self.manifest["nodes"]:
                    raise dg.Failure(description=_CHANGED.format(name=name), allow_retries=False)
                event: DbtCliEventMessage = DbtCoreCliEventMessage(raw_event=raw_event, event_history_metadata={})
                for found in event.to_default_asset_events(
                    manifest=self.manifest, dagster_dbt_translator=self.translator, context=self.context
                ):
                    key = _event_key(found)
                    if isinstance(found, dg.AssetCheckResult) and not found.passed:
                        held.append(found)
                    elif key not in self.told:
                        self.told.add(key)
                        yield found

    def warning(self, text: str) -> dg.AssetObservation:
        """Return a warning of probable links for the night's screen."""
        nodes = self.manifest["nodes"].values()
        model = next(node for node in nodes if node["name"] == PROBABLE_LINKS_MODEL)
        return dg.AssetObservation(asset_key=self.translator.get_asset_key(model), metadata={WARNING: text})


def _decide(settings: Settings, manifest: Mapping[str, Any], *, is_subset: bool) -> Plan | None:
    """Plan the night and forget what it will touch; no plan when somebody asked for some of the assets only."""
    with connect(settings) as connection:
        prepare(connection, load_contract(settings.models_dir))
        if is_subset:
            forget(connection)
            return None
        plan = make_plan(settings, manifest, connection)
        forget(connection, plan.reasons)
        return plan


def _decision(plan: Plan) -> dg.AssetObservation:
    stands = {KEPT_VERSION: plan.kept_version} if plan.kept_version else {}
    return dg.AssetObservation(asset_key=MARTS_KEY, metadata={DECIDED: "\n".join(plan.lines()), **stands})


def _unchanged(
    plan: Plan, manifest: Mapping[str, Any], translator: HouseTranslator, check_keys: Mapping[str, dg.AssetCheckKey]
) -> Iterator[Any]:
    """Tell what stands: observed when nothing is published, else reported again for the step behind, tests with their result."""
    for name, run_id in plan.unchanged.items():
        node = manifest["nodes"][name]
        metadata: dict[str, Any] = {_UNCHANGED: run_id}
        if node["resource_type"] != "test":
            tell = dg.AssetObservation if plan.kept_version else dg.MaterializeResult
            yield tell(asset_key=translator.get_asset_key(node), metadata=metadata)
        elif plan.kept_version is None and (key := check_keys.get(node["name"])):
            yield dg.AssetCheckResult(asset_key=key.asset_key, check_name=key.name, passed=True, metadata=metadata)


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


def _planned_selection(plan: Plan, settings: Settings) -> list[str]:
    """Return dbt's arguments for the nodes of a plan.

    dbt holds each name of a selection against each node, 20 s for half of the project. A state is one set: the nodes are written down as
    the results of a run before, all of them failed, and dbt is told to build what failed.
    """
    state = settings.dbt_target_dir / "planned"
    state.mkdir(parents=True, exist_ok=True)
    told = {
        "metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v5.json"},
        "results": [
            {
                "unique_id": name,
                "status": _TO_BUILD,
                "timing": [],
                "thread_id": "",
                "execution_time": 0,
                "adapter_response": {},
                "message": None,
                "failures": None,
            }
            for name in plan.reasons
        ],
        "elapsed_time": 0,
        "args": {},
    }
    (state / "run_results.json").write_text(json.dumps(told), encoding="utf-8")
    full = ["--full-refresh"] if plan.is_full_refresh else []
    return [*full, "--indirect-selection", "empty", "--select", f"result:{_TO_BUILD}", "--state", str(state)]


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
