"""Operate: jobs, the schedule, and what people see of a night.

What belongs here: which assets run together and when, exit codes, status and explanations read from the published files.
What does not: loading, checking, transforming or publishing itself. Who may call it: definitions and the command line.
"""
