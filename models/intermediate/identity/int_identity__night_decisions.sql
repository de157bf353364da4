{#- The decisions that tonight followed: what differs from them in the next night is resolved again. -#}
-- depends_on: {{ ref('int_identity__record_persons') }}, {{ ref('int_identity__redirects') }}, {{ ref('int_identity__neighbourhoods') }}
-- depends_on: {{ ref('int_identity__edges') }}, {{ ref('int_identity__normal_companies') }}
with

decision_sides as (
    select * from {{ ref('int_identity__decision_sides') }}
)

select * from decision_sides
