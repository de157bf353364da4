"""Great Expectations on DuckDB: suites, their results, and which rows they quarantine.

What belongs here: reading suites, running them inside DuckDB, judging what they found.
What does not: the checks themselves, which are JSON below ``expectations/``. This room knows nothing of landing or sources.yml.
Who may call it: the loader (gate 1), publish (gate 2), and the Dagster assets, which need the check names without importing GX.
"""
