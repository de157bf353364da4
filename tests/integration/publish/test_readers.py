"""BI tools read on while version after version is published: not one error, not one torn result."""

import pytest

from tests.integration.publish.reading import READERS, publish_under_readers

PUBLISHES = 100
# Readers pause a little, so that two cores are left for the publishes; benchmarks/readers.py does without.
PAUSE_SECONDS = 0.05


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    return publish_under_readers(tmp_path_factory.mktemp("readers"), PUBLISHES, PAUSE_SECONDS)


@pytest.mark.parametrize("reader", READERS)
def test_no_read_fails_or_is_torn(seen, reader):
    told = seen[reader]
    assert told["reads"] > 50, told
    assert (told["errors"], told["torn"]) == (0, 0), told
    # Two connections of one pool may be of two nights, until they are recycled; then all are of the newest.
    if reader.startswith("pooled"):
        assert told["ends on the newest"] == 4
    else:
        assert told["back in time"] == 0


def test_a_connection_that_stays_keeps_its_version_and_others_see_new_ones(seen):
    assert seen["one connection"]["versions"] == 1
    per_query = seen["a connection per query, 4 threads"]
    assert per_query["versions"] > 5
    assert per_query["ends on the newest"] == 4
