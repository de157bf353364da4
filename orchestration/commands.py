"""What the modules that add commands to ``leadrelay`` have in common.

What belongs here: the shapes of a command. What does not: the parser and the list of commands (`cli`).
"""

import argparse
from collections.abc import Callable

from orchestration.settings import Settings

Screen = Callable[[Settings, argparse.Namespace], str]
"""Does something with a home and returns what is printed."""
Command = Callable[[Settings, argparse.Namespace], int]
"""Does something with a home and returns the exit code."""
Printing = Callable[[Screen], Command]
"""Makes a command of a screen: it prints it and ends well."""
