"""Transform: dbt as Dagster assets.

What belongs here: starting dbt, its manifest, and how dbt's nodes become assets and checks.
What does not: any rule that decides a number (``models/`` and ``seeds/``). Who may call it: definitions and the command line.
"""
