"""Leadrelay's Dagster code location and command line.

What belongs here: everything that moves files, runs checks, starts dbt and publishes.
What does not: business rules, which are rows in ``seeds/`` and SQL in ``models/``.
Rooms are ordered quality -> ingest -> transform -> publish -> operate; none imports a room after it. ``sample`` stands beside them.
"""

__version__ = "0.1.0"
