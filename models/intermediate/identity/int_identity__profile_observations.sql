{#- What a record said about somebody, one branch per attribute. -#}
with

record_versions as (
    select * from {{ ref('int_identity__record_versions') }}
),

touch_keys as (
    select * from {{ ref('int_identity__touch_keys') }}
),

normal_emails as (
    select * from {{ ref('int_identity__normal_emails') }}
),

normal_phones as (
    select * from {{ ref('int_identity__normal_phones') }}
),

identifier_guards as (
    select * from {{ ref('int_identity__identifier_guards') }}
),

said as (
    {%- for attribute in plain_profile_attributes() %}
        select
            record_id,
            source_table,
            source_system,
            version_number,
            observed_at,
            '{{ attribute }}' as attribute,
            {{ attribute }} as value,
            false as is_guarded
        from record_versions
        where {{ attribute }} is not null
        union all
    {%- endfor %}
    select
        record_id,
        source_table,
        source_system,
        version_number,
        observed_at,
        'full_name' as attribute,
        person_name as value,
        false as is_guarded
    from record_versions
    where person_name is not null
    union all
    select
        record_id,
        source_table,
        source_system,
        version_number,
        observed_at,
        'country' as attribute,
        coalesce(country_code, country) as value,
        false as is_guarded
    from record_versions
    where country is not null
    union all
    select
        record_versions.record_id,
        record_versions.source_table,
        record_versions.source_system,
        record_versions.version_number,
        record_versions.observed_at,
        'email' as attribute,
        normal_emails.mail_address as value,
        not identifier_guards.is_usable as is_guarded
    from record_versions
    inner join normal_emails
        on record_versions.email = normal_emails.raw_email
    inner join identifier_guards
        on identifier_guards.identifier_type = 'email'
            and normal_emails.email = identifier_guards.identifier_value
    union all
    select
        touch_keys.record_id,
        'engagement.interactions' as source_table,
        touch_keys.source_system,
        1 as version_number,
        touch_keys.first_seen_at as observed_at,
        'email' as attribute,
        normal_emails.mail_address as value,
        not identifier_guards.is_usable as is_guarded
    from touch_keys
    inner join normal_emails
        on touch_keys.email = normal_emails.raw_email
    inner join identifier_guards
        on identifier_guards.identifier_type = 'email'
            and normal_emails.email = identifier_guards.identifier_value
    union all
    select
        record_versions.record_id,
        record_versions.source_table,
        record_versions.source_system,
        record_versions.version_number,
        record_versions.observed_at,
        'phone' as attribute,
        normal_phones.phone as value,
        not identifier_guards.is_usable as is_guarded
    from record_versions
    inner join normal_phones
        on record_versions.phone = normal_phones.raw_phone
            and coalesce(record_versions.country_code, '') = normal_phones.country_code
    inner join identifier_guards
        on identifier_guards.identifier_type = 'phone'
            and normal_phones.phone = identifier_guards.identifier_value
    union all
    select
        touch_keys.record_id,
        'engagement.interactions' as source_table,
        touch_keys.source_system,
        1 as version_number,
        touch_keys.first_seen_at as observed_at,
        'phone' as attribute,
        normal_phones.phone as value,
        not identifier_guards.is_usable as is_guarded
    from touch_keys
    inner join normal_phones
        on touch_keys.phone = normal_phones.raw_phone
            and normal_phones.country_code = ''
    inner join identifier_guards
        on identifier_guards.identifier_type = 'phone'
            and normal_phones.phone = identifier_guards.identifier_value
    union all
    select
        record_id,
        'engagement.interactions' as source_table,
        source_system,
        1 as version_number,
        first_seen_at as observed_at,
        'wechat_openid' as attribute,
        wechat_openid as value,
        false as is_guarded
    from touch_keys
    where wechat_openid is not null
)

select
    record_id,
    source_table,
    source_system,
    attribute,
    value,
    version_number,
    is_guarded,
    observed_at
from said
