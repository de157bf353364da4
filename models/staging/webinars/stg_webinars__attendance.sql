with

latest as (
    {{ latest_versions(source('webinars', 'attendance')) }}
)

select
    record_id,
    record_key,
    source_system,
    is_date_only,
    arrived_at,
    first_arrived_at,
    load_sequence,
    version_count,
    webinar_id,
    registration_id,
    joined_at,
    left_at,
    minutes_attended,
    questions_asked,
    polls_answered,
    is_replay
from latest
