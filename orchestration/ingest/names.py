"""The end of every sentence about a wrong name: the nearest right ones.

Who may call it: any room that reports a name that does not exist.
"""

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], count: int = 3) -> str:
    """Return a sentence that proposes names.

    Parameters
    ----------
    name
        What was written.
    known
        What exists.
    count
        How many names to propose at most.

    Returns
    -------
    str
        ``Did you mean: ...?`` or, when nothing is near, the list of what exists (shortened).
    """
    names = sorted(known)
    folded = {candidate.casefold(): candidate for candidate in names}
    close = difflib.get_close_matches(name.casefold(), folded, n=count, cutoff=0.5)
    if close:
        return f"Did you mean: {', '.join(folded[match] for match in close)}?"
    shown = 12
    rest = f" and {len(names) - shown} more" if len(names) > shown else ""
    return f"There is: {', '.join(names[:shown])}{rest}." if names else "There is none."
