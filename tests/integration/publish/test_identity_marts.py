"""The marts of identity, calculated a second time in plain Python from what the warehouse holds before them."""

from collections import Counter, defaultdict

import pytest
import yaml

from orchestration.settings import PROJECT_ROOT


def rows(connection, query):
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def test_guarded_identifiers_are_counted_as_their_records_stand(warehouse):
    guards = {
        (row["identifier_type"], row["identifier_value"]): row
        for row in rows(warehouse, "from intermediate.int_identity__identifier_guards")
        if not row["is_usable"]
    }
    clusters = dict(
        warehouse.execute("select record_id, cluster_id from intermediate.int_identity__cluster_records").fetchall()
    )
    persons = dict(warehouse.execute("select record_id, person_id from marts.bridge_person_record").fetchall())
    holders = defaultdict(set)
    first = {}
    for row in rows(warehouse, "from intermediate.int_identity__identifiers"):
        key = row["identifier_type"], row["identifier_value"]
        if key in guards:
            holders[key].add(row["record_id"])
            first[key] = min(first.get(key, row["arrived_at"]), row["arrived_at"])
    mart = rows(warehouse, "from marts.mart_identity_guarded")
    assert mart
    assert {(row["identifier_type"], row["identifier_value"]) for row in mart} == set(guards)
    for row in mart:
        key = row["identifier_type"], row["identifier_value"]
        assert row["record_count"] == len(holders[key])
        assert row["refused_link_count"] == len({clusters[record] for record in holders[key]}) - 1
        assert row["person_count"] == len({persons[record] for record in holders[key]})
        assert row["first_arrived_at"] == first[key]
        assert row["reason_en"]
        assert row["reason_zh"]


def test_a_star_has_one_link_less_than_it_has_records(warehouse):
    """Every usable strong identifier of n records is n - 1 links, admitted or refused, unless it waits for the CRM to merge."""
    shown = Counter()
    for kind, value in warehouse.execute(
        "select identifier_type, identifier_value from intermediate.int_identity__identifiers where is_usable and strength = 'strong'"
    ).fetchall():
        shown[kind, value] += 1
    links = Counter(
        warehouse.execute(
            "select link_rule, link_value from marts.mart_identity_edge where strength = 'strong'"
        ).fetchall()
    )
    for key, count in links.items():
        assert count <= shown[key] - 1, key
    whole = sum(links[key] == count - 1 for key, count in shown.items())
    assert whole / len(shown) > 0.99


def test_the_profile_is_what_trust_and_time_say(warehouse):
    """Replay every observation in the order of time: who is trusted at least as much as anybody before takes the attribute over."""
    trusts = {
        (row["source_table"], row["attribute"]): row["trust"] for row in rows(warehouse, "from seeds.survivorship")
    }
    persons = dict(warehouse.execute("select record_id, person_id from marts.bridge_person_record").fetchall())
    born = dict(
        warehouse.execute("select record_id, birth_order from intermediate.int_identity__record_persons").fetchall()
    )
    said = defaultdict(dict)
    for row in rows(warehouse, "from intermediate.int_identity__profile_observations"):
        own = trusts.get((row["source_table"], row["attribute"]))
        trust = 0 if row["is_guarded"] else own if own is not None else trusts.get((row["source_table"], "*"), 0)
        key = persons[row["record_id"]], row["attribute"], row["observed_at"]
        version = (trust, row["version_number"])
        before = said[key].get(row["record_id"])
        if before is None or version > before[0]:
            said[key][row["record_id"]] = (version, row["value"])
    by_attribute = defaultdict(list)
    for (person, attribute, moment), records in said.items():
        best = max(((version[0], len(value), born[record], value) for record, (version, value) in records.items()))
        by_attribute[person, attribute].append((moment, best[0], best[3]))
    expected = {}
    for (person, attribute), moments in by_attribute.items():
        highest, value_now = -1, None
        for moment, trust, value in sorted(moments):
            if trust < highest:
                continue
            highest = trust
            if value != value_now:
                value_now = value
                expected[person, attribute, moment] = value
    found = {
        (row["person_id"], row["attribute"], row["valid_from"]): row["value"]
        for row in rows(warehouse, "from marts.bridge_person_attribute")
    }
    assert found == expected


def test_the_current_profile_is_dim_person(warehouse):
    for attribute in ("job_title", "company", "city", "email"):
        (differing,) = warehouse.execute(
            f"""
            select count(*)
            from marts.dim_person as person
            left join marts.bridge_person_attribute as current
                on person.person_id = current.person_id and current.attribute = '{attribute}' and current.is_current
            where person.{attribute} is distinct from current.value
            """
        ).fetchone()
        assert differing == 0, attribute


def test_an_attribute_is_personal_where_dim_person_does_not_publish_it(warehouse):
    text = (PROJECT_ROOT / "models" / "marts" / "identity" / "dim_person.yml").read_text(encoding="utf-8")
    policies = {
        column["name"]: column["config"]["meta"]["pii"] for column in yaml.safe_load(text)["models"][0]["columns"]
    }
    attributes = rows(warehouse, "from seeds.profile_attributes")
    for row in attributes:
        # An attribute that dim_person does not have is personal: nothing says that it may be shown.
        assert row["is_personal"] == (policies.get(row["attribute"]) != "keep"), row["attribute"]


def test_every_tie_lists_all_accounts_with_the_same_claim(warehouse):
    claims = defaultdict(set)
    for row in rows(warehouse, "from intermediate.int_identity__crm_accounts where is_live"):
        for kind, value in (("domain", row["domain"]), ("company", row["company_key"])):
            if value is not None:
                claims[kind, value].add(row["account_id"])
    mart = defaultdict(list)
    for row in rows(warehouse, "from marts.mart_account_ambiguous"):
        mart[row["person_id"]].append(row)
    accounts = dict(warehouse.execute("select person_id, account_id from marts.dim_person").fetchall())
    for person, candidates in mart.items():
        assert len({row["account_id"] for row in candidates}) == len(candidates) == candidates[0]["candidate_count"]
        (chosen,) = [row["account_id"] for row in candidates if row["is_chosen"]]
        assert accounts[person] == chosen
        if candidates[0]["tie_rule"] in {"parent", "first_arrived"}:
            (key,) = {(row["key_type"], row["key_value"]) for row in candidates}
            assert {row["account_id"] for row in candidates} == claims[key]
    ties = {
        row["person_id"]
        for row in rows(warehouse, "from intermediate.int_identity__person_accounts where account_tie_count > 1")
    }
    assert set(mart) == ties


def test_every_account_id_leads_to_an_account(warehouse):
    """The ids of all keys and of all CRM accounts, spelled out here, are accounts or lead to one, unless nobody ever used them."""
    accounts = {row[0] for row in warehouse.execute("select account_id from marts.dim_account").fetchall()}
    redirects = dict(
        warehouse.execute("select retired_account_id, account_id from marts.bridge_account_redirect").fetchall()
    )
    assert not accounts & set(redirects)
    assert set(redirects.values()) <= accounts
    for domain, account in warehouse.execute(
        "select md5('domain|' || domain), account_id from marts.dim_account where domain is not null and crm_account_id is not null"
    ).fetchall():
        assert redirects.get(domain) is not None, account
    for retired in warehouse.execute(
        "select md5('crm|' || source_system || '|' || crm_account_id) from intermediate.int_identity__crm_accounts where not is_live"
    ).fetchall():
        assert retired[0] in redirects


def test_the_figures_of_quality_are_those_of_the_marts(warehouse_home, warehouse):
    import duckdb

    from orchestration.publish.versions import current_version

    folder = current_version(warehouse_home.published_dir)
    with duckdb.connect(str(folder / "leadrelay.duckdb"), read_only=True) as marts:
        (row,) = rows(marts, "from marts.ops_identity_quality where not is_refused order by measured_at desc limit 1")
    sizes = Counter(warehouse.execute("select person_id from marts.bridge_person_record").fetchall())
    assert row["record_count"] == sum(sizes.values())
    assert row["largest_person_records"] == max(sizes.values())
    assert row["mean_person_records"] == pytest.approx(sum(sizes.values()) / len(sizes))
    assert row["person_count"] == len(sizes)
    assert row["guarded_count"] == len(rows(warehouse, "from marts.mart_identity_guarded"))
    assert row["link_count"] == len(rows(warehouse, "from marts.mart_identity_edge where is_admitted"))


def test_precision_and_recall_are_those_of_all_pairs(warehouse_home, warehouse, sample_truth_dir):
    """Over the pairs themselves, not over group sizes."""
    import hashlib
    from itertools import combinations

    import duckdb

    from orchestration.publish.versions import current_version

    persons = dict(warehouse.execute("select record_id, person_id from marts.bridge_person_record").fetchall())
    truth = {}
    for system, table, key, person, group in duckdb.sql(
        f"select source_system, source_table, record_key, true_person, evidence_group from '{sample_truth_dir}/record_truth.parquet'"
    ).fetchall():
        record = hashlib.md5(f"{system}|{table}|{key}".encode(), usedforsecurity=False).hexdigest()
        if record in persons:
            truth[record] = (person, group)
    found, possible = set(), set()
    by_person, by_truth = defaultdict(list), defaultdict(list)
    for record in sorted(truth):
        by_person[persons[record]].append(record)
        by_truth[truth[record]].append(record)
    for group in by_person.values():
        found.update(combinations(group, 2))
    for group in by_truth.values():
        possible.update(combinations(group, 2))
    right = sum(truth[a][0] == truth[b][0] for a, b in found)
    folder = current_version(warehouse_home.published_dir)
    with duckdb.connect(str(folder / "leadrelay.duckdb"), read_only=True) as marts:
        precision, recall = marts.execute(
            "select pair_precision, pair_recall from marts.ops_identity_quality order by measured_at desc limit 1"
        ).fetchone()
    assert precision == pytest.approx(right / len(found))
    assert recall == pytest.approx(len(found & possible) / len(possible))
