"""What `adapter` is to the SQL linter, which renders templates without dbt.

What belongs here: stand-ins for names that dbt puts into every template. Only sqlfluff loads this folder (`library_path`).
"""

from collections.abc import Callable


def dispatch(name: str, _package: str) -> Callable[..., str]:
    """Return a macro that renders as a function call, which is all that the linter needs to read on."""
    return lambda *arguments: f"{name}({', '.join(str(argument) for argument in arguments)})"


def get_relation(**_name: str) -> None:
    """Find no table, since there is no database behind the linter."""
