"""How fast, as ratios of two things timed on the same machine in the same run; see run.py."""
