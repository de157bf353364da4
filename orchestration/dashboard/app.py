"""What Streamlit runs: the dashboard of the home that the environment names."""

from orchestration.dashboard.shell import run

run()
