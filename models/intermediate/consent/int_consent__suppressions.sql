{#- The lists that block or allow an identifier, as they stand tonight, by channel and purpose. -#}
with

suppression as (
    select * from {{ ref('stg_consent__suppression') }}
),

suppression_lists as (
    select * from {{ ref('suppression_lists') }}
),

contact_channels as (
    select * from {{ ref('contact_channels') }}
),

normal_emails as (
    select * from {{ ref('int_identity__normal_emails') }}
),

normal_phones as (
    select * from {{ ref('int_identity__normal_phones') }}
    where country_code = ''
),

identified as (
    select
        suppression.record_id,
        suppression.source_system,
        suppression.channel,
        suppression.list,
        suppression.valid_from,
        suppression.valid_to,
        suppression.load_sequence,
        suppression.identifier_type,
        case suppression.identifier_type
            when 'email' then normal_emails.email
            when 'phone' then normal_phones.phone
            when 'external_id' then suppression.source_system || '|' || {{ blank_to_null('suppression.identifier') }}
            else {{ blank_to_null('suppression.identifier') }}
        end as identifier_value
    from suppression
    left join normal_emails
        on {{ blank_to_null('suppression.identifier') }} = normal_emails.raw_email
    left join normal_phones
        on {{ blank_to_null('suppression.identifier') }} = normal_phones.raw_phone
)

-- a list without a channel covers every channel that the identifier serves
select
    identified.record_id,
    identified.identifier_type,
    identified.identifier_value,
    contact_channels.channel,
    suppression_lists.purpose,
    suppression_lists.effect,
    suppression_lists.reason,
    identified.valid_from,
    identified.valid_to,
    identified.load_sequence
from identified
inner join contact_channels
    on
        identified.identifier_type = contact_channels.identifier_type
        and coalesce(lower(identified.channel), contact_channels.channel) = contact_channels.channel
inner join suppression_lists
    on
        lower(identified.list) = suppression_lists.list
        and contact_channels.channel = suppression_lists.channel
where
    identified.identifier_value is not null
    and coalesce(identified.valid_from <= {{ as_of() }}, true)
    and coalesce(identified.valid_to > {{ as_of() }}, true)
