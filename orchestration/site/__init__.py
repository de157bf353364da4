"""The documentation as one folder of pages that opens from a disk, without a server and without a network.

What belongs here: turning Markdown, dbt's manifest, the suites and the published file into pages. What does not: the words themselves, which
stand in docs/ and in the yml beside each model. Who may call it: the command line.
"""
