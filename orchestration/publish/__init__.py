"""Publish: the only room that writes what BI reads.

What belongs here: the privacy policy of published columns, the two published files, gate 2 and the atomic swap.
What does not: any rule that decides a number (``models/``). Who may call it: the Dagster assets and the command line.
"""
