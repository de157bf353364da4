with

profile_history as (
    select * from {{ ref('int_identity__profile_history') }}
),

profile_attributes as (
    select * from {{ ref('profile_attributes') }}
)

select
    profile_history.person_id,
    profile_history.attribute,
    profile_history.value,
    case when not profile_attributes.is_personal then profile_history.value end as open_value,
    profile_history.source_table,
    profile_history.source_system,
    profile_history.record_id,
    profile_history.trust,
    profile_history.valid_to is null as is_current,
    profile_history.valid_from,
    profile_history.valid_to
from profile_history
left join profile_attributes
    on profile_history.attribute = profile_attributes.attribute
