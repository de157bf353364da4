{#-
    The lists that block or allow an identifier, as they stand tonight, by channel and purpose. A block is read as widely as it can be
    meant, a permission as narrowly: a number that is listed without its country blocks it in every country in which somebody has it,
    and a word that nobody knows takes nothing out of force.
-#}
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

contact_purposes as (
    select * from {{ ref('contact_purposes') }}
),

calling_codes as (
    select * from {{ ref('calling_codes') }}
    where is_main_country
),

normal_emails as (
    select * from {{ ref('int_identity__normal_emails') }}
),

normal_phones as (
    select * from {{ ref('int_identity__normal_phones') }}
),

entries as (
    select
        record_id,
        source_system,
        identifier_type,
        {{ blank_to_null('identifier') }} as identifier,
        lower({{ blank_to_null('channel') }}) as channel,
        lower({{ blank_to_null('list') }}) as list,
        valid_from,
        valid_to,
        load_sequence
    from suppression
    where
        coalesce(valid_from <= {{ as_of() }}, true)
        and coalesce(valid_to > {{ as_of() }}, true)
),

kinds as (
    select distinct identifier_type from contact_channels
),

-- a kind of identifier that nobody knows may be any
sought as (
    select
        entries.*,
        kinds.identifier_type as sought_type,
        known_kinds.identifier_type is not null as is_known_kind
    from entries
    left join kinds as known_kinds
        on entries.identifier_type = known_kinds.identifier_type
    inner join kinds
        on coalesce(known_kinds.identifier_type, kinds.identifier_type) = kinds.identifier_type
),

-- calling codes are free of prefixes, so at most one fits
code_heads as (
    select distinct substr(phone, 2, 3) as head
    from normal_phones
),

national_numbers as (
    select distinct
        normal_phones.phone,
        calling_codes.trunk_prefix,
        substr(normal_phones.phone, cast(length(calling_codes.calling_code) + 2 as integer)) as national
    from normal_phones
    inner join code_heads
        on substr(normal_phones.phone, 2, 3) = code_heads.head
    inner join calling_codes
        on starts_with(code_heads.head, calling_codes.calling_code)
),

-- as somebody at home writes it, without the trunk digit or with it
home_numbers as (
    select
        phone,
        national as digits
    from national_numbers
    union
    select
        phone,
        trunk_prefix || national as digits
    from national_numbers
    where trunk_prefix is not null
),

identified as (
    select
        sought.*,
        normal_emails.email as identifier_value,
        true as is_proved
    from sought
    inner join normal_emails
        on sought.identifier = normal_emails.raw_email
    where sought.sought_type = 'email'

    union all

    select
        sought.*,
        normal_phones.phone as identifier_value,
        true as is_proved
    from sought
    inner join normal_phones
        on
            sought.identifier = normal_phones.raw_phone
            and normal_phones.country_code = ''
    where sought.sought_type = 'phone'

    union all

    select
        sought.*,
        home_numbers.phone as identifier_value,
        false as is_proved
    from sought
    inner join home_numbers
        on {{ regexp_replace_all('sought.identifier', "'[^0-9]'", "''") }} = home_numbers.digits
    where
        sought.sought_type = 'phone'
        and not starts_with(sought.identifier, '+')

    union all

    select
        sought.*,
        case sought.sought_type
            when 'external_id' then sought.source_system || '|' || sought.identifier
            else sought.identifier
        end as identifier_value,
        true as is_proved
    from sought
    where
        sought.sought_type not in ('email', 'phone')
        and sought.identifier is not null
),

-- a list without a channel covers every channel that the identifier serves, and so does one whose channel is none of those
covered as (
    select
        identified.*,
        contact_channels.channel as covered_channel,
        identified.is_known_kind
        and identified.is_proved
        and (identified.channel is null or named_channels.channel is not null) as is_certain
    from identified
    left join contact_channels as named_channels
        on
            identified.sought_type = named_channels.identifier_type
            and identified.channel = named_channels.channel
    inner join contact_channels
        on
            identified.sought_type = contact_channels.identifier_type
            and coalesce(named_channels.channel, contact_channels.channel) = contact_channels.channel
),

known_lists as (
    select distinct list from suppression_lists
)

select distinct
    covered.record_id,
    covered.sought_type as identifier_type,
    covered.identifier_value,
    covered.covered_channel as channel,
    suppression_lists.purpose,
    suppression_lists.effect,
    suppression_lists.reason,
    covered.valid_from,
    covered.valid_to,
    covered.load_sequence
from covered
inner join suppression_lists
    on
        covered.list = suppression_lists.list
        and covered.covered_channel = suppression_lists.channel
where suppression_lists.effect = 'block' or covered.is_certain

union all

-- a list that no rule names blocks everything
select distinct
    covered.record_id,
    covered.sought_type as identifier_type,
    covered.identifier_value,
    covered.covered_channel as channel,
    contact_purposes.purpose,
    'block' as effect,
    'not_understood' as reason,
    covered.valid_from,
    covered.valid_to,
    covered.load_sequence
from covered
cross join contact_purposes
left join known_lists
    on covered.list = known_lists.list
where known_lists.list is null
