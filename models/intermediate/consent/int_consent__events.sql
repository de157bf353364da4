{#- Every yes and no to being contacted, from consent records and from the boxes of forms, by the identifier that it is about. -#}
with

consent_events as (
    select * from {{ ref('stg_consent__events') }}
),

submissions as (
    select * from {{ ref('stg_forms__submissions') }}
    where consent_marketing
),

contact_channels as (
    select * from {{ ref('contact_channels') }}
),

contact_purposes as (
    select * from {{ ref('contact_purposes') }}
),

purpose_aliases as (
    select * from {{ ref('contact_purpose_aliases') }}
),

consent_actions as (
    select * from {{ ref('consent_actions') }}
),

consent_methods as (
    select * from {{ ref('consent_methods') }}
),

country_aliases as (
    select * from {{ ref('country_aliases') }}
),

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
),

normal_emails as (
    select * from {{ ref('int_identity__normal_emails') }}
),

normal_phones as (
    select * from {{ ref('int_identity__normal_phones') }}
),

-- a form that names no channel speaks of the usual one
submitted as (
    select
        submissions.*,
        '|' || {{ regexp_replace_all("lower(coalesce(submissions.consent_channels, ''))", "'[^a-z_]+'", "'|'") }} || '|' as named_channels
    from submissions
),

form_events as (
    select
        submitted.record_id,
        'forms.submissions' as source_table,
        submitted.source_system,
        submitted.submitted_at as occurred_at,
        submitted.load_sequence,
        contact_channels.channel,
        contact_purposes.purpose,
        'grant' as effect,
        'consent' as reason,
        submitted.consent_method as method,
        submitted.country,
        submitted.email,
        submitted.phone,
        submitted.wechat_openid,
        submitted.external_id
    from submitted
    inner join contact_channels
        on
            submitted.named_channels like '%|' || contact_channels.channel || '|%'
            or (contact_channels.is_form_default and {{ blank_to_null('submitted.consent_channels') }} is null)
    inner join contact_purposes
        on contact_purposes.is_form_default
),

-- a word that nobody knows may have been a no
acted as (
    select
        consent_events.*,
        coalesce(consent_actions.effect, 'withdrawal') as effect,
        coalesce(consent_actions.reason, 'not_understood') as effect_reason
    from consent_events
    left join consent_actions
        on lower({{ blank_to_null('consent_events.action') }}) = consent_actions.action
),

-- what names no channel or purpose, or one that nobody knows, takes away everywhere and grants nothing
stated_events as (
    select
        acted.record_id,
        'consent.events' as source_table,
        acted.source_system,
        acted.occurred_at,
        acted.load_sequence,
        contact_channels.channel,
        contact_purposes.purpose,
        acted.effect,
        acted.effect_reason as reason,
        acted.method,
        acted.country,
        acted.email,
        acted.phone,
        acted.wechat_openid,
        acted.external_id
    from acted
    left join contact_channels as named_channels
        on lower(acted.channel) = named_channels.channel
    left join purpose_aliases
        on lower(acted.purpose) = purpose_aliases.alias
    inner join contact_channels
        on
            named_channels.channel = contact_channels.channel
            or (named_channels.channel is null and acted.effect = 'withdrawal')
    inner join contact_purposes
        on
            purpose_aliases.purpose = contact_purposes.purpose
            or (purpose_aliases.purpose is null and acted.effect = 'withdrawal' and contact_purposes.needs_consent)
),

events as (
    select * from form_events
    union all
    select * from stated_events
),

identified as (
    select
        events.record_id,
        events.source_table,
        events.occurred_at,
        events.load_sequence,
        events.channel,
        events.purpose,
        events.effect,
        events.reason,
        events.method,
        coalesce(consent_methods.is_explicit, false) as is_explicit,
        country_aliases.country_code,
        contact_channels.identifier_type,
        case contact_channels.identifier_type
            when 'email' then normal_emails.email
            when 'phone' then normal_phones.phone
            when 'wechat_openid' then {{ blank_to_null('events.wechat_openid') }}
            when 'external_id' then events.source_system || '|' || {{ blank_to_null('events.external_id') }}
        end as identifier_value
    from events
    inner join contact_channels
        on events.channel = contact_channels.channel
    left join consent_methods
        on lower(events.method) = consent_methods.method
    left join country_aliases
        on lower(events.country) = country_aliases.alias
    left join normal_emails
        on {{ blank_to_null('events.email') }} = normal_emails.raw_email
    left join normal_phones
        on
            {{ blank_to_null('events.phone') }} = normal_phones.raw_phone
            and coalesce(country_aliases.country_code, '') = normal_phones.country_code
)

-- a no without an identifier of its channel is about the person; a yes would not say which address it means
select
    {{ md5_text(['identified.record_id', 'identified.channel', 'identified.purpose']) }} as consent_id,
    identified.record_id,
    identified.source_table,
    record_persons.person_id,
    identified.occurred_at,
    identified.load_sequence,
    identified.channel,
    identified.purpose,
    identified.effect,
    identified.reason,
    identified.method,
    identified.is_explicit,
    identified.country_code,
    identified.identifier_type,
    identified.identifier_value
from identified
left join record_persons
    on identified.record_id = record_persons.record_id
where
    identified.occurred_at <= {{ as_of() }}
    and (identified.identifier_value is not null or identified.effect = 'withdrawal')
