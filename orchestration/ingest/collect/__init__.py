"""Readers that fetch: an object store, a PostgreSQL database or a JSON API into files in landing, which the one loader then loads.

A reader never writes raw. What it has landed stays, whatever happens next; how far it came is kept beside the warehouse, so that the
next run goes on from there. A reader that fails makes its table stale and nothing else.
Who may call it: `orchestration.operate`, through `collect_table`.
"""

from orchestration.ingest.collect.readers import Collected, collect_table

__all__ = ["Collected", "collect_table"]
