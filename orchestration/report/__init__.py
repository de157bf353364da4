"""The nightly report: one HTML file and pictures beside each published version, with the charts of the dashboard.

What belongs here: putting them into files that open from disk with no network. What does not: queries and charts (`orchestration.dashboard`).
Who may call it: publishing and the command line.
"""
