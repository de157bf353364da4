with

identity_quality as (
    select * from {{ source('ops', 'identity_quality') }}
)

select
    run_id,
    compared_with,
    guarded_by_reason,
    record_count,
    cluster_count,
    person_count,
    known_person_count,
    anonymous_person_count,
    largest_person_records,
    p99_person_records,
    mean_person_records,
    known_before_count,
    merged_count,
    merged_known_count,
    unmerged_count,
    link_count,
    refused_link_count,
    guarded_count,
    review_pair_count,
    pair_precision,
    pair_recall,
    is_refused,
    as_of,
    measured_at
from identity_quality
