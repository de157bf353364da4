"""What dim_person gathers from other marts, and how fresh each source is, counted a second time in plain Python."""

from collections import defaultdict
from itertools import pairwise
from statistics import median


def records(connection, query):
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def test_a_profile_carries_tags_channels_pool_and_the_ends_of_its_touches(warehouse):
    tags, channels, touches = defaultdict(set), defaultdict(set), defaultdict(list)
    for row in records(warehouse, "select * from marts.bridge_person_tag"):
        tags[row["person_id"]].add(row["tag"])
    for row in records(warehouse, "select * from marts.mart_contactability where purpose = 'marketing'"):
        if row["is_contactable"]:
            channels[row["person_id"]].add(row["channel"])
    for row in records(warehouse, "select * from marts.fct_interaction where is_engagement and direction = 'inbound'"):
        touches[row["person_id"]].append(row)
    in_pool = {
        row["person_id"] for row in records(warehouse, "select * from marts.fct_assignment where state = 'in_pool'")
    }

    def channel_at(person, moment):
        return min(
            (one["channel"] for one in touches[person] if one["occurred_at"] == moment and one["channel"]), default=None
        )

    people = records(warehouse, "select * from marts.dim_person")
    for row in people:
        person = row["person_id"]
        assert row["tags"] == ("|".join(sorted(tags[person])) or None)
        assert row["contactable_channels"] == ("|".join(sorted(channels[person])) or None)
        assert row["is_in_pool"] == (person in in_pool)
        moments = [one["occurred_at"] for one in touches[person]]
        assert row["first_touched_at"] == min(moments, default=None)
        assert row["last_touched_at"] == max(moments, default=None)
        assert row["first_touch_channel"] == channel_at(person, row["first_touched_at"])
        assert row["last_touch_channel"] == channel_at(person, row["last_touched_at"])
    for name in ("tags", "contactable_channels", "first_touch_channel"):
        assert 0 < sum(row[name] is not None for row in people) < len(people), name
    assert {row["is_in_pool"] for row in people} == {True, False}


def test_a_source_is_as_fresh_as_its_last_good_file(warehouse):
    as_of = warehouse.sql("select as_of from ops.as_of").fetchone()[0]
    loads = defaultdict(list)
    for row in records(warehouse, "select * from ops.loads where status <> 'replaced' order by load_sequence"):
        loads[row["source_table"]].append(row)
    found = {row["source_table"]: row for row in records(warehouse, "select * from marts.ops_freshness")}
    assert found.keys() == loads.keys()
    for table, rows in loads.items():
        good = [row for row in rows if row["status"] == "loaded"]
        days = sorted({row["arrived_at"].date() for row in good})
        gaps = [(later - earlier).days for earlier, later in pairwise(days)]
        fresh = found[table]
        assert fresh["is_stale"] == (rows[-1]["status"] == "refused")
        assert fresh["last_arrived_at"] == max(row["arrived_at"] for row in good)
        assert abs(fresh["days_since_arrival"] - (as_of - fresh["last_arrived_at"]).total_seconds() / 86400) < 1e-6
        assert fresh["usual_gap_days"] == (median(gaps) if gaps else None)
        assert (fresh["file_count"], fresh["refused_count"]) == (len(good), len(rows) - len(good))
        assert fresh["rows_loaded"] == sum(row["rows_loaded"] for row in good)
        assert fresh["rows_quarantined"] == sum(row["rows_quarantined"] for row in good)
