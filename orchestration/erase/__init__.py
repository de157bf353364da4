"""Forgetting a person: their rows out of every file, keyed hashes that keep them out, and a search that proves it.

What does not belong here: what a night does (`orchestration.operate`). The loader asks `tombstones` which rows it may not take.
"""
