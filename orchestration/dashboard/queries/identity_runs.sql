-- How identity did, run by run.
select
    measured_at,
    person_count,
    known_person_count,
    largest_person_records,
    refused_link_count,
    guarded_count,
    review_pair_count,
    merged_known_count,
    unmerged_count,
    pair_precision,
    pair_recall
from marts.ops_identity_quality
where not is_refused
order by measured_at desc
limit 30
