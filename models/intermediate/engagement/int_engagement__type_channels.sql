with

types as (
    select * from {{ ref('interaction_types') }}
),

channels as (
    select * from {{ ref('channel_map') }}
    where field = 'interaction_type'
),

-- an exact word beats a pattern such as form_*; a longer pattern beats a shorter one
matched as (
    select
        types.interaction_type,
        channels.channel
    from types
    inner join channels
        on
            types.interaction_type = channels.value
            or (
                channels.value like '%*'
                and types.interaction_type like replace(channels.value, '*', '%')
            )
    qualify row_number() over (
            partition by types.interaction_type
            order by
                case when channels.value = types.interaction_type then 0 else 1 end,
                length(channels.value) desc,
                channels.value
        ) = 1
)

select
    types.interaction_type,
    types.default_direction,
    types.is_engagement,
    types.is_meaningful,
    types.is_lasting_contact,
    matched.channel
from types
left join matched
    on types.interaction_type = matched.interaction_type
