"""``training.yml``: what a model of probable links compares, and how it is trained.

What belongs here: reading and checking that file. What does not: training itself (`training`).
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from orchestration.errors import ConfigError

SPEC_FILE = "training.yml"

Evidence = Literal["name", "contact", "context"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LevelSpec(_Strict):
    """One level of a comparison, the most alike first.

    Parameters
    ----------
    label
        What the level says, for the review list and the report.
    condition
        DuckDB SQL over ``<column>_l`` and ``<column>_r``; ``else`` for all other pairs.
    is_null
        Whether a side says nothing; such a level weighs nothing.
    term_column
        Profile column whose rare values weigh more at this level.
    evidence
        What this level counts as, where that is less or more than its comparison does.
    m_at_least
        Share of one person's pairs that life has at this level however clean the training data are.
    m_unseen, u_unseen
        Share of one person's pairs, and of strangers' pairs, that is assumed where training shows no pair at this level.
    """

    label: str
    condition: str
    is_null: bool = False
    term_column: str | None = None
    evidence: Evidence | None = None
    m_at_least: float | None = Field(default=None, gt=0, lt=1)
    m_unseen: float | None = Field(default=None, gt=0, lt=1)
    u_unseen: float | None = Field(default=None, gt=0, lt=1)


class ComparisonSpec(_Strict):
    """One comparison: its own levels, or one of Splink's comparison library.

    Parameters
    ----------
    name
        Lower case; ``level_<name>`` and ``weight_<name>`` are columns of the scores.
    evidence
        ``name`` (must agree), ``contact`` (counts as second evidence) or ``context`` (weighs, proves nothing by itself).
    because
        Why it is compared in this way.
    levels
        Own levels, most alike first, the null level before them and ``else`` last.
    library
        Name of a class of ``splink.comparison_library``, in place of ``levels``.
    arguments
        Its arguments.
    term_columns
        Columns whose exact agreement is adjusted by the term's frequency, for a library comparison.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    evidence: Evidence
    because: str = ""
    levels: tuple[LevelSpec, ...] = ()
    library: str | None = None
    arguments: dict[str, Any] = {}
    term_columns: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _has_levels_or_library(self) -> "ComparisonSpec":
        if bool(self.levels) == (self.library is not None):
            raise ValueError(f"comparison {self.name!r} needs either levels or library")
        return self


class BlockingSpec(_Strict):
    """One key under which two profiles become a candidate pair; an SQL expression over profile columns, null for no key."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    key: str
    because: str = ""


class FitSpec(_Strict):
    """How the numbers are estimated, with bounds so that training stays short on any size.

    Parameters
    ----------
    prior
        Chance that two random profiles are one person, where it is stated. It belongs to the number of profiles that are scored, which may
        be another than that of training: a tenth of n profiles being second ones makes it 0.2 / n.
    prior_rules
        Where it is not stated: lists of SQL expressions that, when all agree, nearly prove a pair.
    prior_recall
        Share of all true pairs that these rules are believed to find, 0 to 1.
    passes
        Lists of SQL expressions; each is one expectation-maximisation over the pairs that agree in them.
    max_pairs
        Upper bound of the pairs of one estimation.
    seed
        Of the random sample that estimates chance agreement.
    probability_floor
        No probability is taken to be smaller, however rare a level was in training.
    """

    prior: float | None = Field(default=None, gt=0, lt=1)
    prior_rules: tuple[tuple[str, ...], ...] = ()
    prior_recall: float = Field(default=0.8, gt=0, le=1)
    passes: tuple[tuple[str, ...], ...]
    max_pairs: float = 1e6
    seed: int = 1
    probability_floor: float = Field(default=1e-6, gt=0, lt=0.1)

    @model_validator(mode="after")
    def _has_prior(self) -> "FitSpec":
        if (self.prior is None) == (not self.prior_rules):
            raise ValueError("fit needs either prior or prior_rules")
        return self


class TermSpec(_Strict):
    """Which terms are kept with the model: the most frequent ones, as far as they were seen often enough."""

    max_terms: int = Field(default=2000, ge=1)
    min_count: int = Field(default=2, ge=1)


class TrainingSpec(_Strict):
    """Content of ``training.yml``.

    Parameters
    ----------
    name
        Of the model; its version is this name and a code of its numbers.
    train_on
        Learn from one profile per record, or per cluster of records that exact links have joined.
    comparisons, blocking, fit, terms
        What is compared, which pairs are looked at, how the numbers are estimated, which terms are kept.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")
    train_on: Literal["records", "clusters"] = "records"
    comparisons: tuple[ComparisonSpec, ...] = Field(min_length=1)
    blocking: tuple[BlockingSpec, ...] = Field(min_length=1)
    fit: FitSpec
    terms: TermSpec = TermSpec()


def load_spec(path: Path) -> TrainingSpec:
    """Read ``training.yml``.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    TrainingSpec
        Checked content.

    Raises
    ------
    ConfigError
        If the file is missing or says something that is not known; the message names the place.
    """
    try:
        content = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}; it says what a link model compares") from error
    except YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {error}") from error
    try:
        return TrainingSpec.model_validate(content)
    except ValidationError as error:
        places = "\n".join(
            f"  {'.'.join(str(part) for part in problem['loc']) or '(the whole file)'}: {problem['msg']}"
            for problem in error.errors()
        )
        raise ConfigError(f"{path} cannot be used:\n{places}") from error
