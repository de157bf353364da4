"""The seeds that dbt loads: the checkout's, with a company's own files in the place of those of the same path.

What belongs here: putting the two together. What does not: what a seed may say (dbt tests) and loading it (`runner`).
"""

import difflib
import filecmp
import shutil
from pathlib import Path

from orchestration.errors import ConfigError
from orchestration.settings import Settings


def seed_folder(settings: Settings) -> Path:
    """Return the folder of seeds for dbt, put together first when the company has its own.

    Parameters
    ----------
    settings
        The home and checkout; ``own_seeds_dir`` holds CSV files under the paths that they have below ``seeds/``.

    Returns
    -------
    Path
        ``seeds/`` of the checkout, or a copy in the home with the own files in it. A file that did not change is not written again.

    Raises
    ------
    ConfigError
        If the own folder is missing, or holds a file that is no seed of the checkout.
    """
    if settings.own_seeds_dir is None:
        return settings.seeds_dir
    own = _own_files(settings.own_seeds_dir, settings.seeds_dir)
    target = settings.home / "seeds"
    wanted: dict[Path, Path] = {
        path.relative_to(settings.seeds_dir): path for path in settings.seeds_dir.rglob("*") if path.is_file()
    }
    wanted |= own
    for stale in target.rglob("*"):
        if stale.is_file() and stale.relative_to(target) not in wanted:
            stale.unlink()
    for name, source in wanted.items():
        path = target / name
        if not path.exists() or not filecmp.cmp(source, path, shallow=False):
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, path)
    return target


def _own_files(folder: Path, seeds_dir: Path) -> dict[Path, Path]:
    if not folder.is_dir():
        message = f"{folder}: no such folder. LEADRELAY_SEEDS names a folder of CSV files that take the place of those in {seeds_dir}."
        raise ConfigError(message)
    known = [str(path.relative_to(seeds_dir)) for path in sorted(seeds_dir.rglob("*.csv"))]
    own: dict[Path, Path] = {}
    for path in sorted(folder.rglob("*.csv")):
        name = path.relative_to(folder)
        if str(name) not in known:
            nearest = difflib.get_close_matches(str(name), known, n=1, cutoff=0.3)
            hint = f" Did you mean: {nearest[0]}?" if nearest else ""
            message = f"{path}: {seeds_dir} has no seed {name}, so nothing would read it.{hint}"
            raise ConfigError(message)
        own[name] = path
    return own
