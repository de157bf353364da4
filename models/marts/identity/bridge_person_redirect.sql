with

redirect_history as (
    select * from {{ ref('int_identity__redirect_history') }}
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
    redirect_history.retired_person_id,
    redirect_history.person_id,
    load_names.load_id,
    redirect_history.because,
    redirect_history.valid_to is null as is_current,
    redirect_history.valid_from,
    redirect_history.valid_to
from redirect_history
left join load_names
    on redirect_history.load_sequence = load_names.load_sequence
