"""A sample company with known truth: landing files of every source table, and a truth folder to measure against.

What belongs here: making data. What does not: reading it back; nothing in the nightly imports this room.
"""

from orchestration.sample.generator import SampleSummary, write_sample

__all__ = ["SampleSummary", "write_sample"]
