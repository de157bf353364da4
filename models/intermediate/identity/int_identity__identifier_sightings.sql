{#- What each record has ever shown, one branch per identifier type. -#}
with

record_versions as (
    select * from {{ ref('int_identity__record_versions') }}
),

touch_keys as (
    select * from {{ ref('int_identity__touch_keys') }}
),

crm_references as (
    select * from {{ ref('int_identity__crm_references') }}
),

normal_emails as (
    select * from {{ ref('int_identity__normal_emails') }}
),

normal_phones as (
    select * from {{ ref('int_identity__normal_phones') }}
),

appearances as (
    select
        record_id,
        source_system,
        email,
        phone,
        coalesce(country_code, '') as country_code,
        anonymous_id,
        wechat_openid,
        wechat_unionid,
        external_id,
        observed_at,
        observed_at as last_observed_at,
        load_sequence,
        load_id,
        arrived_at
    from record_versions
    union all
    select
        record_id,
        source_system,
        email,
        phone,
        '' as country_code,
        anonymous_id,
        wechat_openid,
        wechat_unionid,
        external_id,
        first_seen_at as observed_at,
        last_seen_at as last_observed_at,
        load_sequence,
        load_id,
        arrived_at
    from touch_keys
),

typed as (
    select
        appearances.record_id,
        'email' as identifier_type,
        normal_emails.email as identifier_value,
        appearances.observed_at,
        appearances.last_observed_at,
        appearances.load_sequence,
        appearances.load_id,
        appearances.arrived_at
    from appearances
    inner join normal_emails
        on appearances.email = normal_emails.raw_email
    union all
    select
        appearances.record_id,
        'phone' as identifier_type,
        normal_phones.phone as identifier_value,
        appearances.observed_at,
        appearances.last_observed_at,
        appearances.load_sequence,
        appearances.load_id,
        appearances.arrived_at
    from appearances
    inner join normal_phones
        on appearances.phone = normal_phones.raw_phone
            and appearances.country_code = normal_phones.country_code
    {%- for column in ['anonymous_id', 'wechat_openid', 'wechat_unionid'] %}
        union all
        select
            record_id,
            '{{ column }}' as identifier_type,
            {{ column }} as identifier_value,
            observed_at,
            last_observed_at,
            load_sequence,
            load_id,
            arrived_at
        from appearances
        where {{ column }} is not null
    {%- endfor %}
    union all
    select
        record_id,
        'external_id' as identifier_type,
        source_system || '|' || external_id as identifier_value,
        observed_at,
        last_observed_at,
        load_sequence,
        load_id,
        arrived_at
    from appearances
    where external_id is not null
    {%- for identifier_type, column in [('crm_lead', 'lead_id'), ('crm_contact', 'contact_id'), ('registration', 'registration_id')] %}
        union all
        select
            record_id,
            '{{ identifier_type }}' as identifier_type,
            source_system || '|' || {{ column }} as identifier_value,
            observed_at,
            observed_at as last_observed_at,
            load_sequence,
            load_id,
            arrived_at
        from record_versions
        where {{ blank_to_null(column) }} is not null
    {%- endfor %}
    union all
    select
        record_id,
        'crm_' || object_type as identifier_type,
        source_system || '|' || object_id as identifier_value,
        observed_at,
        observed_at as last_observed_at,
        load_sequence,
        load_id,
        arrived_at
    from crm_references
)

select
    record_id,
    identifier_type,
    identifier_value,
    min(load_sequence) as load_sequence,
    min_by(load_id, load_sequence) as load_id,
    min(arrived_at) as arrived_at,
    min(observed_at) as observed_at,
    max(last_observed_at) as last_observed_at
from typed
group by record_id, identifier_type, identifier_value
