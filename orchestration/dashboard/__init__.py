"""The dashboard: Streamlit pages over the published file, and the queries, charts and words that the nightly report shares.

What belongs here: reading what is published and showing it. What does not: any rule that decides a number (``models/``, ``seeds/``); a page
adds up and divides what a mart holds, nothing else. Who may call it: the command line and the report.
"""
