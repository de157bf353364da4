{#- What each record has ever shown, one branch per identifier type. -#}
{{ config(materialized='nightly', key='birth_order', scope='int_identity__changed_records') }}

with

record_versions as (
    select * from {{ ref('int_identity__record_versions') }}
    where {{ is_changed('birth_order') }}
),

records as (
    select * from {{ ref('int_identity__records') }}
    where {{ is_changed('birth_order') }}
),

touch_keys as (
    select * from {{ ref('int_identity__touch_keys') }}
),

crm_references as (
    select * from {{ ref('int_identity__crm_references') }}
),

normal_emails as (
    select * from {{ ref('int_identity__normal_emails') }}
    where email is not null
),

normal_phones as (
    select * from {{ ref('int_identity__normal_phones') }}
    where phone is not null
),

appearances as (
    select
        birth_order,
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
        arrived_at
    from record_versions
    union all
    select
        records.birth_order,
        touch_keys.source_system,
        touch_keys.email,
        touch_keys.phone,
        '' as country_code,
        touch_keys.anonymous_id,
        touch_keys.wechat_openid,
        touch_keys.wechat_unionid,
        touch_keys.external_id,
        touch_keys.first_seen_at as observed_at,
        touch_keys.last_seen_at as last_observed_at,
        touch_keys.load_sequence,
        touch_keys.arrived_at
    from touch_keys
    inner join records
        on touch_keys.record_id = records.record_id
),

typed as (
    select
        appearances.birth_order,
        'email' as identifier_type,
        normal_emails.email as identifier_value,
        appearances.observed_at,
        appearances.last_observed_at,
        appearances.load_sequence,
        appearances.arrived_at
    from appearances
    inner join normal_emails
        on appearances.email = normal_emails.raw_email
    union all
    select
        appearances.birth_order,
        'phone' as identifier_type,
        normal_phones.phone as identifier_value,
        appearances.observed_at,
        appearances.last_observed_at,
        appearances.load_sequence,
        appearances.arrived_at
    from appearances
    inner join normal_phones
        on appearances.phone = normal_phones.raw_phone
            and appearances.country_code = normal_phones.country_code
    {%- for column in ['anonymous_id', 'wechat_openid', 'wechat_unionid'] %}
        union all
        select
            birth_order,
            '{{ column }}' as identifier_type,
            {{ column }} as identifier_value,
            observed_at,
            last_observed_at,
            load_sequence,
            arrived_at
        from appearances
        where {{ column }} is not null
    {%- endfor %}
    union all
    select
        birth_order,
        'external_id' as identifier_type,
        source_system || '|' || external_id as identifier_value,
        observed_at,
        last_observed_at,
        load_sequence,
        arrived_at
    from appearances
    where external_id is not null
    {%- for identifier_type, column in [('crm_lead', 'lead_id'), ('crm_contact', 'contact_id'), ('registration', 'registration_id')] %}
        union all
        select
            birth_order,
            '{{ identifier_type }}' as identifier_type,
            source_system || '|' || {{ column }} as identifier_value,
            observed_at,
            observed_at as last_observed_at,
            load_sequence,
            arrived_at
        from record_versions
        where {{ blank_to_null(column) }} is not null
    {%- endfor %}
    union all
    select
        records.birth_order,
        'crm_' || crm_references.object_type as identifier_type,
        crm_references.source_system || '|' || crm_references.object_id as identifier_value,
        crm_references.observed_at,
        crm_references.observed_at as last_observed_at,
        crm_references.load_sequence,
        crm_references.arrived_at
    from crm_references
    inner join records
        on crm_references.record_id = records.record_id
),

keyed as (
    select
        *,
        {{ key_of("identifier_type || '|' || identifier_value") }} as identifier_key
    from typed
)

-- a key stands for one type and value, so any of them will do
select
    birth_order,
    identifier_key,
    any_value(identifier_type) as identifier_type,
    any_value(identifier_value) as identifier_value,
    min(load_sequence) as load_sequence,
    min(arrived_at) as arrived_at,
    min(observed_at) as observed_at,
    max(last_observed_at) as last_observed_at
from keyed
group by birth_order, identifier_key
