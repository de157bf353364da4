"""Switch off the usage reporting of the tools that leadrelay starts.

Dagster, dbt and Great Expectations each report their use over the network unless told not to; a lead warehouse stays silent.
"""

import os

_SWITCHES = {
    "DO_NOT_TRACK": "1",
    "DAGSTER_DISABLE_TELEMETRY": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "GX_ANALYTICS_ENABLED": "false",
}


def switch_off_usage_reporting() -> None:
    """Set each tool's own switch for this process and those it starts."""
    os.environ.update(_SWITCHES)
