"""Makes DuckDB run on a wanted number of threads inside dbt's own connection, and remembers what it then said: a dbt-duckdb plugin.

What belongs here: the plugin and the profile that loads it. ``threads`` in a profile is how many models dbt runs at a time, not this.
"""

from pathlib import Path
from typing import Any, ClassVar

import yaml
from dbt.adapters.duckdb.plugins import BasePlugin

from orchestration.settings import PROJECT_ROOT


class Plugin(BasePlugin):
    """Sets ``wanted`` on each cursor that dbt opens; ``seen`` holds what DuckDB answers there."""

    wanted: ClassVar[int] = 1
    seen: ClassVar[set[int]] = set()

    def configure_cursor(self, cursor: Any) -> None:
        """Set and read back the threads of the database."""
        cursor.execute(f"set threads = {self.wanted}")
        self.seen.add(cursor.execute("select current_setting('threads')").fetchone()[0])


def profile_with_threads(folder: Path) -> list[str]:
    """Write the project's profile with this plugin into a folder, and return the arguments that make dbt read it."""
    profile = yaml.safe_load((PROJECT_ROOT / "dbt_project" / "profiles.yml").read_text(encoding="utf-8"))
    profile["leadrelay"]["outputs"]["duckdb"]["plugins"].append({"module": __name__})
    (folder / "profiles.yml").write_text(yaml.safe_dump(profile), encoding="utf-8")
    return ["--profiles-dir", str(folder)]
