{#- The typed phone numbers that prove something: a view, since the dictionary behind it is kept from night to night. -#}
{{ config(materialized='view') }}
with

typed_phones as (
    select * from {{ ref('int_identity__typed_phones') }}
)

select
    raw_phone,
    country_code,
    phone,
    extension,
    phone_key,
    is_mobile,
    has_digit_run
from typed_phones
where phone is not null
