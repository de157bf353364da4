with

redirects as (
    select * from {{ ref('int_identity__redirects') }}
),

loads as (
    select * from {{ source('ops', 'loads') }}
),

load_names as (
    select
        load_sequence,
        min(load_id) as load_id
    from loads
    group by load_sequence
)

select
    redirects.retired_person_id,
    redirects.person_id,
    load_names.load_id,
    redirects.because,
    redirects.merged_at
from redirects
left join load_names
    on redirects.load_sequence = load_names.load_sequence
