with

decisions as (
    select * from {{ ref('int_consent__decisions') }}
),

-- the strictest finding holds for the person: a no on one address is not undone by a yes on another
ranked as (
    select
        *,
        count(*) over (partition by person_id, channel, purpose) as address_count,
        count(*) filter (where is_contactable) over (partition by person_id, channel, purpose) as permitted_address_count,
        row_number() over (
            partition by person_id, channel, purpose
            order by strength asc, last_seen_at desc nulls last, identifier_value asc
        ) as position
    from decisions
)

select
    person_id,
    channel,
    purpose,
    is_contactable,
    reason,
    regime,
    country_code,
    basis,
    identifier_type,
    identifier_value,
    address_count,
    case when is_contactable then permitted_address_count else 0 end as permitted_address_count,
    decided_at,
    method,
    record_id
from ranked
where position = 1
