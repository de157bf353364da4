"""Metrics that are defined once, asked of the published file.

What belongs here: running dbt's semantic models (`models/semantic`) by MetricFlow over what BI reads. What does not: any definition of a
metric, which is YAML, and the warehouse, which only a night may open. Who may call it: the command line and tests.
"""
