import itertools
import random

import duckdb
import pytest

from orchestration.errors import ConfigError
from orchestration.identity.evaluation import components, judge, read_labels


def test_components_are_named_by_their_smallest_member():
    assert components([(5, 3), (3, 9), (20, 21)]) == {3: 3, 5: 3, 9: 3, 20: 20, 21: 20}


def test_figures_equal_a_count_over_all_pairs():
    dice = random.Random(4)
    records = [(number, dice.randrange(12), dice.randrange(10)) for number in range(60)]
    with duckdb.connect() as connection:
        connection.execute(
            "create temporary table truth (record_id int, person_id varchar, cluster_id bigint, true_person varchar)"
        )
        connection.executemany("insert into truth values (?, 'p', ?, ?)", records)
        found = judge(connection, "drawn", {4: 2, 2: 2})
    label = {number: 2 if cluster == 4 else cluster for number, cluster, _ in records}
    person = {number: true for number, _, true in records}
    pairs = list(itertools.combinations(label, 2))
    linked = [label[a] == label[b] for a, b in pairs]
    true = [person[a] == person[b] for a, b in pairs]
    both = sum(x and y for x, y in zip(linked, true, strict=True))
    assert (found.precision, found.recall) == pytest.approx((both / sum(linked), both / sum(true)))
    shares = [
        sum(label[a] == label[b] and person[a] == person[b] for b in label) / sum(label[a] == label[b] for b in label)
        for a in label
    ]
    assert found.b3_precision == pytest.approx(sum(shares) / len(shares))


def test_labels_with_other_columns_are_refused_by_name(tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("id,person\n1,2\n")
    with duckdb.connect() as connection, pytest.raises(ConfigError, match="true_person"):
        read_labels(connection, labels)
