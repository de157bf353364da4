"""What is true in the sample, as tables to compare a warehouse with.

What belongs here: the true person of each record, the evidence that records truly share, the stage ledger as planned.
What does not: anything computed from rules; the plan said it all before a fact was written.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from orchestration.sample.arrays import Bools, Ints, Texts, numbered
from orchestration.sample.crm import DATE_ONLY_SYSTEM
from orchestration.sample.facts import NO_EVIDENCE, StageLog, Table
from orchestration.sample.journeys import Plan
from orchestration.sample.people import Companies, Population

DATES_ONLY_CASE = 32
EVIDENCE = ("email", "phone", "device", "wechat", "link")


@dataclass(frozen=True)
class Truth:
    """Tables of the truth folder, by file name without its ending."""

    tables: dict[str, pd.DataFrame]


def person_names(people: Population, visitors: int) -> Texts:
    """Return the name in the truth of every person index: persons first, then anonymous visitors."""
    return np.concatenate([people.person, numbered("V", 1, visitors)])


def stage_entries(log: StageLog, names: Texts) -> pd.DataFrame:
    """Return the true ledger: one row per entry, numbered per person and stage over both tracks.

    Parameters
    ----------
    log
        Planned entries.
    names
        Name of each person index.

    Returns
    -------
    pandas.DataFrame
        true_person, track, stage, entry_number, entered_at (UTC), entry_order (1.. per person).
    """
    person, at = np.concatenate(log.person), np.concatenate(log.at)
    stage, track = np.concatenate(log.stage), np.concatenate(log.track)
    order = np.lexsort((np.arange(len(person)), at, person))
    frame = pd.DataFrame(
        {
            "person": person[order],
            "track": track[order],
            "stage": stage[order],
            "entered_at": at[order].astype("datetime64[s]"),
        }
    )
    grouped = frame.groupby("person", sort=False)
    frame["entry_order"] = grouped.cumcount() + 1
    frame["entry_number"] = frame.groupby(["person", "stage"], sort=False).cumcount() + 1
    frame.insert(0, "true_person", names[frame.pop("person").to_numpy()])
    return frame


def current_stages(entries: pd.DataFrame) -> pd.DataFrame:
    """Return the stage that each person holds in the end, by track."""
    last = entries.drop_duplicates(["true_person", "track"], keep="last")
    return last[["true_person", "track", "stage", "entry_number", "entered_at"]].sort_values(["true_person", "track"])


def journeys(plan: Plan, people: Population, companies: Companies) -> pd.DataFrame:
    """Return the template of each person, and what the story fixed about them."""
    names = np.array([template.name for template in plan.templates], dtype=object)[plan.template_of]
    cases = np.array([template.case for template in plan.templates], dtype=np.int64)[plan.template_of]
    cases = np.where((cases == DATES_ONLY_CASE) & (people.crm_system != DATE_ONLY_SYSTEM), 0, cases)
    return pd.DataFrame(
        {
            "true_person": people.person,
            "template": names,
            "case": pd.arrays.IntegerArray(cases, cases == 0),
            "full_name": people.full,
            "email": people.email,
            "company": companies.name[people.company],
            "is_good_fit": people.is_good_fit,
            "fit_points_at_most": people.fit,
            "crm_system": people.crm_system,
            "is_test": names == "test_lead",
            "is_competitor": people.company == 0,
        }
    )


def record_truth(tables: dict[str, Table], keys: dict[str, Texts], names: Texts) -> pd.DataFrame:
    """Return the true person and the evidence group of every record that can identify somebody.

    Parameters
    ----------
    tables
        Person-bearing tables by name, all their versions.
    keys
        Record key per row of each table.
    names
        Name of each person index.

    Returns
    -------
    pandas.DataFrame
        source_table, source_system, record_key, true_person, evidence_group. Two records of one person are in one
        group when usable identifiers connect them, over any number of records.
    """
    parts = []
    for name in sorted(tables):
        table, count = tables[name], len(tables[name])
        frame = pd.DataFrame(
            {
                "source_table": np.full(count, name, dtype=object),
                "source_system": table.columns["_system"],
                "record_key": keys[name],
                "person": table.columns["_person"],
            }
        )
        for kind in EVIDENCE:
            column = table.columns.get(f"_evidence_{kind}")
            frame[kind] = (
                np.full(count, NO_EVIDENCE, dtype=np.int64)
                if column is None
                else np.maximum(column.astype(np.int64), NO_EVIDENCE)
            )
        parts.append(frame)
    rows = pd.concat(parts, ignore_index=True)
    record = (
        rows.groupby(["source_table", "source_system", "record_key"], sort=True).ngroup().to_numpy().astype(np.int64)
    )
    group = _components(record, rows)
    first = np.unique(record, return_index=True)[1]
    found = rows.iloc[first][["source_table", "source_system", "record_key", "person"]].reset_index(drop=True)
    found.insert(3, "true_person", names[found.pop("person").to_numpy().astype(np.int64)])
    found["evidence_group"] = group[record[first]]
    return found


def _components(record: Ints, rows: pd.DataFrame) -> Ints:
    """Return the least record number that each record is connected with through evidence of its person."""
    records, idents = [], []
    person = rows["person"].to_numpy().astype(np.int64)
    base = 0
    for kind in EVIDENCE:
        value = rows[kind].to_numpy().astype(np.int64)
        shown: Bools = value != NO_EVIDENCE
        evidence = pd.DataFrame({"person": person[shown], "value": value[shown]})
        key = evidence.groupby(["person", "value"], sort=False).ngroup().to_numpy()
        records.append(record[shown])
        idents.append(key.astype(np.int64) + base)
        base += int(key.max()) + 1 if len(key) else 0
    left, right = np.concatenate(records), np.concatenate(idents)
    label = np.arange(int(record.max()) + 1, dtype=np.int64)
    while True:
        least = np.full(base, len(label), dtype=np.int64)
        np.minimum.at(least, right, label[left])
        new = label.copy()
        np.minimum.at(new, left, least[right])
        if np.array_equal(new, label):
            return label
        label = new


def interaction_truth(table: Table, names: Texts) -> pd.DataFrame:
    """Return the true person of every interaction."""
    return pd.DataFrame(
        {
            "source_system": table.columns["_system"],
            "interaction_id": table.columns["interaction_id"],
            "true_person": names[table.columns["_person"].astype(np.int64)],
        }
    )
