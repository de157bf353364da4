"""Hygiene judged a second time in plain Python: each lead's last saved texts asked by the rules of the seeds, each person by all of its records."""

import csv
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

SEEDS = Path(__file__).resolve().parents[3] / "seeds"


def seed(name: str) -> list[dict[str, str]]:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


RULES = {row["rule_id"]: row for row in seed("hygiene/hygiene_rules")}
RUNS = [row["digits"] for row in seed("hygiene/digit_runs")]
ROLES = {row["local_part"] for row in seed("identity/role_mailboxes")}
MARKERS = {(row["field"], row["value"]) for row in seed("hygiene/test_markers")}
THROWN_AWAY = {row["domain"] for row in seed("identity/disposable_domains")}


def records(connection, query):
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@pytest.fixture(scope="module")
def leads(warehouse):
    """The last saved texts of each record that is a lead, by person, in the order of their birth; consent is no lead."""
    last = {}
    for row in records(
        warehouse,
        "select versions.*, persons.person_id, persons.birth_order as born from intermediate.int_identity__record_versions as versions "
        "join intermediate.int_identity__record_persons as persons using (record_id) order by version_number",
    ):
        if row["source_table"] != "consent.events":
            last[row["record_id"]] = row
    found = defaultdict(list)
    for row in sorted(last.values(), key=lambda row: row["born"]):
        found[row["person_id"]].append(row)
    return found


@pytest.fixture(scope="module")
def rivals(warehouse):
    """Domains and companies that compete, as of the night."""
    as_of = warehouse.sql("select as_of from ops.as_of").fetchone()[0].isoformat()
    now = [row for row in seed("hygiene/competitors") if row["valid_from"] <= as_of]
    return {row["domain"] for row in now} - {""}, {row["company_name"].lower() for row in now} - {""}


def findings(row, rivals):
    """The rules that one record meets, but for being a duplicate."""
    local, _, domain = (row["email"] or "").strip().lower().rpartition("@")
    name = " ".join((row["person_name"] or "").lower().split())
    company = " ".join((row["company"] or "").lower().split())
    domains, companies = rivals
    if MARKERS & {("email_domain", domain), ("email_local", local), ("name_key", name), ("company_key", company)}:
        yield "test"
    if any(run in re.sub(r"\D", "", row["phone"] or "") for run in RUNS):
        has_other = local or row["wechat_openid"] or row["wechat_unionid"]
        yield "phone_in_doubt" if has_other else "bogus_phone"
    # a host below a competitor's domain is the competitor's as well
    if any(domain == one or domain.endswith(f".{one}") for one in domains) or company in companies:
        yield "competitor"
    if domain in THROWN_AWAY:
        yield "disposable_mailbox"
    if local in ROLES:
        yield "role_mailbox"


def test_every_finding_is_that_of_the_rules_asked_of_each_record(warehouse, leads, rivals):
    expected, out = {}, set()
    for person, rows in leads.items():
        met = [set(findings(row, rivals)) | ({"duplicate"} if place else set()) for place, row in enumerate(rows)]
        if all(any(RULES[rule]["is_cleaned_out"] == "true" for rule in rules) for rules in met):
            out.add(person)
        for row, rules in zip(rows, met, strict=True):
            expected.update({(row["record_id"], rule): person for rule in rules})
    found = {
        (row["record_id"], row["rule_id"]): row for row in records(warehouse, "select * from marts.mart_lead_hygiene")
    }
    assert {key: row["person_id"] for key, row in found.items()} == expected
    for (_, rule), row in found.items():
        assert row["action"] == RULES[rule]["action"]
        assert row["is_person_out"] == (row["person_id"] in out)
    assert {"duplicate", "test", "competitor", "role_mailbox"} <= {rule for _, rule in found}
    cleaned = {
        row["person_id"] for row in records(warehouse, "select person_id from marts.dim_person where is_cleaned_out")
    }
    assert cleaned == out
    assert Counter(rule for _, rule in found)["duplicate"] > 100
