{#- What holds for each address of a person, by channel and purpose: what takes away first, then what the law of the person asks for. -#}
with

person_identifiers as (
    select * from {{ ref('int_identity__person_identifiers') }}
),

person_regimes as (
    select * from {{ ref('int_consent__person_regimes') }}
),

consent_events as (
    select * from {{ ref('int_consent__events') }}
),

suppressions as (
    select * from {{ ref('int_consent__suppressions') }}
),

consent_rules as (
    select * from {{ ref('consent_rules') }}
),

implied as (
    select * from {{ ref('int_consent__implied') }}
),

implied_consents as (
    select * from {{ ref('implied_consents') }}
),

contact_channels as (
    select * from {{ ref('contact_channels') }}
),

contact_purposes as (
    select * from {{ ref('contact_purposes') }}
),

contact_reasons as (
    select * from {{ ref('contact_reasons') }}
),

addresses as (
    select
        person_identifiers.person_id,
        person_identifiers.identifier_type,
        person_identifiers.identifier_value,
        person_identifiers.is_usable,
        person_identifiers.last_seen_at,
        contact_channels.channel,
        contact_purposes.purpose,
        contact_purposes.needs_consent,
        contact_purposes.objections_from,
        person_regimes.regime,
        person_regimes.country_code,
        consent_rules.basis,
        consent_rules.consent_days
    from person_identifiers
    inner join contact_channels
        on
            person_identifiers.identifier_type = contact_channels.identifier_type
            and (person_identifiers.is_mobile or not contact_channels.needs_mobile)
    cross join contact_purposes
    inner join person_regimes
        on person_identifiers.person_id = person_regimes.person_id
    inner join consent_rules
        on
            person_regimes.regime = consent_rules.regime
            and contact_channels.channel = consent_rules.channel
),

address_events as (
    select
        identifier_type,
        identifier_value,
        channel,
        purpose,
        effect,
        reason,
        method,
        is_explicit,
        occurred_at,
        load_sequence,
        consent_id,
        record_id
    from consent_events
    where identifier_value is not null

    union all

    -- said by a person, of no address: it holds for all of theirs
    select
        addresses.identifier_type,
        addresses.identifier_value,
        consent_events.channel,
        consent_events.purpose,
        consent_events.effect,
        consent_events.reason,
        consent_events.method,
        consent_events.is_explicit,
        consent_events.occurred_at,
        consent_events.load_sequence,
        consent_events.consent_id,
        consent_events.record_id
    from consent_events
    inner join addresses
        on
            consent_events.person_id = addresses.person_id
            and consent_events.channel = addresses.channel
            and consent_events.purpose = addresses.purpose
    where consent_events.identifier_value is null
),

latest_events as (
    select
        *,
        case
            when effect = 'withdrawal' then 'withdrawal'
            when is_explicit then 'explicit'
            else 'implied'
        end as kind
    from address_events
    qualify
        row_number() over (
            partition by
                identifier_type, identifier_value, channel, purpose, effect, is_explicit or effect = 'withdrawal'
            order by occurred_at desc, load_sequence desc, consent_id desc
        ) = 1
),

-- at one moment a no weighs more than a yes
standing_withdrawals as (
    select withdrawals.*
    from latest_events as withdrawals
    left join latest_events as grants
        on
            withdrawals.identifier_type = grants.identifier_type
            and withdrawals.identifier_value = grants.identifier_value
            and withdrawals.channel = grants.channel
            and withdrawals.purpose = grants.purpose
            and grants.kind = 'explicit'
            and withdrawals.occurred_at < grants.occurred_at
    where
        withdrawals.kind = 'withdrawal'
        and grants.consent_id is null
),

findings as (
    select
        addresses.person_id,
        addresses.identifier_type,
        addresses.identifier_value,
        addresses.channel,
        addresses.purpose,
        suppressions.reason,
        suppressions.valid_from as decided_at,
        suppressions.record_id,
        cast(null as varchar) as method
    from addresses
    inner join suppressions
        on
            addresses.identifier_type = suppressions.identifier_type
            and addresses.identifier_value = suppressions.identifier_value
            and addresses.channel = suppressions.channel
            and addresses.purpose = suppressions.purpose
    where suppressions.effect = 'block' or (addresses.is_usable and addresses.needs_consent)

    union all

    select
        addresses.person_id,
        addresses.identifier_type,
        addresses.identifier_value,
        addresses.channel,
        addresses.purpose,
        standing_withdrawals.reason,
        standing_withdrawals.occurred_at as decided_at,
        standing_withdrawals.record_id,
        standing_withdrawals.method
    from addresses
    inner join standing_withdrawals
        on
            addresses.identifier_type = standing_withdrawals.identifier_type
            and addresses.identifier_value = standing_withdrawals.identifier_value
            and addresses.channel = standing_withdrawals.channel
            and standing_withdrawals.purpose in (addresses.purpose, addresses.objections_from)

    union all

    select
        addresses.person_id,
        addresses.identifier_type,
        addresses.identifier_value,
        addresses.channel,
        addresses.purpose,
        case
            when latest_events.kind = 'implied' then 'no_explicit_consent'
            when {{ add_days('latest_events.occurred_at', 'addresses.consent_days') }} <= {{ as_of() }} then 'consent_expired'
            else 'consent'
        end as reason,
        latest_events.occurred_at as decided_at,
        latest_events.record_id,
        latest_events.method
    from addresses
    inner join latest_events
        on
            addresses.identifier_type = latest_events.identifier_type
            and addresses.identifier_value = latest_events.identifier_value
            and addresses.channel = latest_events.channel
            and addresses.purpose = latest_events.purpose
    where
        latest_events.kind in ('explicit', 'implied')
        and addresses.is_usable
        and addresses.needs_consent

    union all

    -- what the law takes for a consent for some time
    select
        addresses.person_id,
        addresses.identifier_type,
        addresses.identifier_value,
        addresses.channel,
        addresses.purpose,
        case
            when {{ add_days('implied.occurred_at', 'implied_consents.consent_days') }} <= {{ as_of() }} then 'consent_expired'
            else 'implied_consent'
        end as reason,
        implied.occurred_at as decided_at,
        implied.record_id,
        implied.fact as method
    from addresses
    inner join implied_consents
        on
            addresses.regime = implied_consents.regime
            and addresses.channel = implied_consents.channel
    inner join implied
        on
            addresses.person_id = implied.person_id
            and implied_consents.fact = implied.fact
    where
        addresses.is_usable
        and addresses.needs_consent

    union all

    -- what holds when nobody has said anything
    select
        person_id,
        identifier_type,
        identifier_value,
        channel,
        purpose,
        case
            when not is_usable then 'shared_address'
            when not needs_consent then 'not_needed'
            when basis = 'opt_out' then 'no_objection'
            else 'no_consent'
        end as reason,
        cast(null as timestamp) as decided_at,
        cast(null as varchar) as record_id,
        cast(null as varchar) as method
    from addresses
)

select
    findings.person_id,
    findings.identifier_type,
    findings.identifier_value,
    findings.channel,
    findings.purpose,
    contact_reasons.is_contactable,
    findings.reason,
    contact_reasons.strength,
    addresses.regime,
    addresses.country_code,
    addresses.basis,
    findings.decided_at,
    findings.record_id,
    findings.method,
    addresses.last_seen_at
from findings
inner join contact_reasons
    on findings.reason = contact_reasons.reason
inner join addresses
    on
        findings.person_id = addresses.person_id
        and findings.identifier_type = addresses.identifier_type
        and findings.identifier_value = addresses.identifier_value
        and findings.channel = addresses.channel
        and findings.purpose = addresses.purpose
qualify
    row_number() over (
        partition by
            findings.person_id, findings.identifier_type, findings.identifier_value, findings.channel, findings.purpose
        order by contact_reasons.strength asc, findings.decided_at desc nulls last, findings.record_id asc nulls last
    ) = 1
