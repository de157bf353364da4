"""From files as they come to typed rows in ``raw``.

What belongs here: sources.yml, landing, readers, the one loader, the warehouse connection.
What does not: business rules (``seeds/``), checks (``expectations/``, run by `orchestration.quality`), anything after ``raw``.
Who may call it: the Dagster assets and the command line.
"""
