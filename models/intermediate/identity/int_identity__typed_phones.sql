{#- Every phone number ever typed and what it proves. SQL first: written in digits, and in the pattern of its country's plan. What
    SQL cannot prove is shown once to a library that knows all plans; a number that proves nothing stays as a row, so that the
    library never sees it again.

    A plan's patterns tell by the first four digits and the length, so they are asked once for each such head, not for each
    number (benchmarks/normalise.py). -#}
{{ config(materialized='nightly', key='typed_phone_id') }}
with

record_versions as (
    select * from {{ ref('int_identity__record_versions') }}
    where {{ is_changed('birth_order') }}
),

touch_keys as (
    select * from {{ ref('int_identity__touch_keys') }}
),

listed_numbers as (
    select {{ blank_to_null('identifier') }} as raw_phone from {{ source('consent', 'suppression') }}
    where
        {{ is_landed_tonight() }}
        and identifier_type = 'phone'
),

-- a form may name who referred somebody by a phone, as it is written in the form's country
named_referrers as (
    select
        {{ blank_to_null('referred_by') }} as raw_phone,
        lower({{ blank_to_null('country') }}) as country
    from {{ source('forms', 'submissions') }}
    where
        {{ is_landed_tonight() }}
        and {{ regexp_matches('referred_by', "'[0-9]'") }}
        and referred_by not like '%@%'
),

country_aliases as (
    select * from {{ ref('country_aliases') }}
),

character_maps as (
    select * from {{ ref('int_identity__character_maps') }}
),

calling_codes as (
    select * from {{ ref('calling_codes') }}
),

phone_words as (
    select * from {{ ref('phone_words') }}
),

phone_rules as (
    select * from {{ ref('phone_rules') }}
),

digit_runs as (
    select * from {{ ref('digit_runs') }}
),

limits as (
    select
        max(case when rule = 'min_digits' then value end) as min_digits,
        max(case when rule = 'min_digits_without_plus' then value end) as min_digits_without_plus,
        max(case when rule = 'max_text_length' then value end) as max_text_length
    from phone_rules
),

typed as (
    select
        phone as raw_phone,
        coalesce(country_code, '') as country_code
    from record_versions
    where phone is not null
    union
    select
        phone as raw_phone,
        '' as country_code
    from touch_keys
    where phone is not null
    union
    select
        raw_phone,
        '' as country_code
    from listed_numbers
    where raw_phone is not null
    union
    select
        named_referrers.raw_phone,
        coalesce(country_aliases.country_code, '') as country_code
    from named_referrers
    left join country_aliases
        on named_referrers.country = country_aliases.alias
),

unknown as (
    select
        typed.raw_phone,
        typed.country_code,
        {{ regexp_matches('typed.raw_phone', "'^[+]?[-0-9 ().]+$'") }} as is_plain
    from typed
    {%- if is_delta() %}
        left join {{ this }} as known
            on typed.raw_phone = known.raw_phone
                and typed.country_code = known.country_code
        where known.raw_phone is null
    {%- endif %}
),

folded as (
    select
        unknown.raw_phone,
        unknown.country_code,
        trim({{ regexp_replace_all(
            regexp_replace_all(
                fold_characters('lower(unknown.raw_phone)', ['width', 'digit']), "'[\\x{2010}-\\x{2015}\\x{2212}·•_]'", "'-'"
            ),
            "'[\\s\\x{00A0}\\x{3000}]+'", "' '"
        ) }}) as text
    from unknown
    cross join character_maps
    where not unknown.is_plain
),

-- '62169427 ext. 12': number, word and extension
tailed as (
    select
        raw_phone,
        country_code,
        text,
        {{ regexp_extract('text', "'[0-9)][ ,.;-]*(\\p{L}+|#)[ .:=-]*[0-9]{1,6}$'", 1) }} as tail_word,
        {{ regexp_extract('text', "'[^0-9]([0-9]{1,6})$'", 1) }} as tail_digits,
        {{ regexp_extract('text', "'^(.*[0-9)])[ ,.;-]*(?:\\p{L}+|#)[ .:=-]*[0-9]{1,6}$'", 1) }} as text_before_tail
    from folded
),

untailed as (
    select
        tailed.raw_phone,
        tailed.country_code,
        case when phone_words.word is null then tailed.text else tailed.text_before_tail end as text,
        case when phone_words.word is not null then tailed.tail_digits end as extension
    from tailed
    left join phone_words
        on tailed.tail_word = phone_words.word
            and phone_words.role = 'extension'
),

-- two numbers in one field: the first counts. '030/1234567' is one number
first_numbers as (
    select
        untailed.raw_phone,
        untailed.country_code,
        untailed.text as whole_text,
        untailed.extension,
        case
            when length({{ regexp_replace_all(
                regexp_extract('untailed.text', "'^[^/;,、]*'"), "'[^0-9]'", "''"
            ) }}) >= limits.min_digits
                then {{ regexp_extract('untailed.text', "'^[^/;,、]*'") }}
            else replace(untailed.text, '/', '-')
        end as text
    from untailed
    cross join limits
),

heads as (
    select
        *,
        {{ regexp_extract('text', "'^[^0-9+(]*'") }} as head
    from first_numbers
),

unlabelled as (
    select
        heads.raw_phone,
        heads.country_code,
        heads.whole_text,
        heads.extension,
        trim(substr(heads.text, cast(length(heads.head) + 1 as integer))) as text,
        phone_words.word is not null
        or {{ regexp_replace_all('heads.head', "'[^\\p{L}]'", "''") }} = '' as is_label_known
    from heads
    left join phone_words
        on {{ regexp_replace_all('heads.head', "'[^\\p{L}]'", "''") }} = phone_words.word
            and phone_words.role = 'label'
),

texts as (
    select
        raw_phone,
        country_code,
        raw_phone as whole_text,
        raw_phone as text,
        cast(null as varchar) as extension
    from unknown
    where is_plain
    union all
    select
        raw_phone,
        country_code,
        whole_text,
        case when is_label_known and {{ regexp_matches('text', "'^[+]?[-0-9 ().]+$'") }} then text end as text,
        extension
    from unlabelled
),

at_home as (
    select
        texts.raw_phone,
        texts.country_code,
        texts.whole_text,
        texts.text,
        texts.extension,
        translate(texts.text, '+ ().-', '') as all_digits,
        home.calling_code as home_code,
        home.trunk_prefix as home_trunk,
        home.min_digits as home_min_digits,
        home.max_digits as home_max_digits
    from texts
    left join calling_codes as home
        on texts.country_code = home.country_code
),

-- '021-62169427-8012': too long for the plan, and what follows the last dash is the extension
undashed as (
    select
        *,
        coalesce(
            extension is null
            and length(all_digits) > home_max_digits + 1
            and {{ regexp_matches('text', "'^[(]?[1-9]?[0-9]*[)]?[- ]?[0-9]+-[0-9]{1,6}$'") }}
            and not starts_with(all_digits, home_code)
            and not starts_with(all_digits, '00'),
            false
        ) as has_dash_extension
    from at_home
),

numbers as (
    select
        raw_phone,
        country_code,
        whole_text,
        home_code,
        home_trunk,
        home_min_digits,
        case when has_dash_extension then {{ regexp_extract('text', "'[0-9]+$'") }} else extension end as extension,
        case
            when has_dash_extension then translate({{ regexp_extract('text', "'^(.*)-[0-9]+$'", 1) }}, '+ ().-', '')
            else all_digits
        end as all_digits,
        case
            when starts_with(text, '+') then all_digits
            when starts_with(all_digits, '00') then substr(all_digits, 3)
            when starts_with(all_digits, '011') and home_code = '1' then substr(all_digits, 4)
        end as dialled_abroad
    from undashed
),

-- '8613800138000': the code is there, only the plus is missing
international as (
    select
        numbers.*,
        coalesce(
            numbers.dialled_abroad,
            case
                when starts_with(numbers.all_digits, numbers.home_code) then numbers.all_digits
                when length(numbers.all_digits) >= limits.min_digits_without_plus and not starts_with(numbers.all_digits, '0')
                    then numbers.all_digits
            end
        ) as digits_abroad
    from numbers
    cross join limits
),

-- calling codes are free of prefixes, so at most one fits
code_heads as (
    select distinct left(digits_abroad, 3) as head
    from international
    where digits_abroad is not null
),

codes_of_heads as (
    select
        code_heads.head,
        plan.calling_code,
        plan.trunk_prefix,
        plan.min_digits
    from code_heads
    inner join calling_codes as plan
        on plan.is_main_country
            and starts_with(code_heads.head, plan.calling_code)
),

written as (
    select
        international.raw_phone,
        international.country_code,
        international.whole_text,
        international.extension,
        international.dialled_abroad is not null as is_dialled_abroad,
        international.home_code,
        international.home_trunk,
        international.home_min_digits,
        case when international.dialled_abroad is null then international.all_digits end as home_written,
        codes_of_heads.calling_code as abroad_code,
        codes_of_heads.trunk_prefix as abroad_trunk,
        codes_of_heads.min_digits as abroad_min_digits,
        substr(international.digits_abroad, cast(length(codes_of_heads.calling_code) + 1 as integer)) as abroad_written
    from international
    left join codes_of_heads
        on left(international.digits_abroad, 3) = codes_of_heads.head
),

-- the trunk digit goes where what follows is still a whole number
nationals as (
    select
        raw_phone,
        country_code,
        whole_text,
        extension,
        is_dialled_abroad,
        home_code,
        abroad_code,
    {%- for side in ['home', 'abroad'] %}
        case
            when starts_with({{ side }}_written, {{ side }}_trunk)
                and length({{ side }}_written) - length({{ side }}_trunk) >= {{ side }}_min_digits
                then substr({{ side }}_written, cast(length({{ side }}_trunk) + 1 as integer))
            else {{ side }}_written
        end as {{ side }}_national{{ ',' if not loop.last }}
    {%- endfor %}
    from written
),

number_heads as (
    {%- for side in ['home', 'abroad'] %}
        select
            {{ side }}_code as calling_code,
            left({{ side }}_national, 4) as head,
            length({{ side }}_national) as digit_count
        from nationals
        where {{ side }}_national is not null
            and {{ side }}_code is not null
        {{ 'union' if not loop.last }}
    {%- endfor %}
),

samples as (
    select
        number_heads.calling_code,
        number_heads.head,
        number_heads.digit_count,
        plan.mobile_pattern,
        plan.fixed_pattern,
        rpad(number_heads.head, cast(number_heads.digit_count as integer), '5') as sample
    from number_heads
    inner join calling_codes as plan
        on number_heads.calling_code = plan.calling_code
            and plan.is_main_country
            and number_heads.digit_count between plan.min_digits and plan.max_digits
),

plans as (
    select
        calling_code,
        head,
        digit_count,
        {{ regexp_matches('sample', 'mobile_pattern') }} as is_mobile
    from samples
    where {{ regexp_matches('sample', 'mobile_pattern') }}
        or coalesce({{ regexp_matches('sample', 'fixed_pattern') }}, false)
),

judged as (
    select
        nationals.raw_phone,
        nationals.country_code,
        nationals.whole_text,
        nationals.extension,
        case
            -- '4930901820' in Germany is a number of Berlin with the code, or one of a village without
            when home_plans.head is not null and abroad_plans.head is not null
                and nationals.abroad_code = nationals.home_code and nationals.home_national <> nationals.abroad_national
                then null
            when home_plans.head is not null then nationals.home_code
            when
                abroad_plans.head is not null
                and (nationals.is_dialled_abroad or nationals.abroad_code = nationals.home_code or abroad_plans.is_mobile)
                then nationals.abroad_code
        end as calling_code,
        case when home_plans.head is not null then nationals.home_national else nationals.abroad_national end as national,
        case when home_plans.head is not null then home_plans.is_mobile else abroad_plans.is_mobile end as is_mobile
    from nationals
    left join plans as home_plans
        on nationals.home_code = home_plans.calling_code
            and left(nationals.home_national, 4) = home_plans.head
            and length(nationals.home_national) = home_plans.digit_count
    left join plans as abroad_plans
        on nationals.abroad_code = abroad_plans.calling_code
            and left(nationals.abroad_national, 4) = abroad_plans.head
            and length(nationals.abroad_national) = abroad_plans.digit_count
),

asked as (
    select
        judged.raw_phone,
        judged.country_code,
        judged.extension,
        case
            when length(judged.whole_text) <= limits.max_text_length
                and length({{ regexp_replace_all('judged.whole_text', "'[^0-9]'", "''") }}) >= limits.min_digits
                then {{ parse_phone('judged.whole_text', 'judged.country_code') }}
        end as parsed
    from judged
    cross join limits
    where judged.calling_code is null
),

proved as (
    select
        raw_phone,
        country_code,
        '+' || calling_code || national as phone,
        national,
        extension,
        'plan' as proved_by,
        is_mobile
    from judged
    where calling_code is not null
    union all
    select
        raw_phone,
        country_code,
        parsed.number as phone,
        parsed.national,
        coalesce(extension, parsed.extension) as extension,
        case when parsed is not null then 'library' end as proved_by,
        parsed.is_mobile
    from asked
),

runs as (
    select distinct proved.national
    from proved
    inner join digit_runs
        on strpos(proved.national, digit_runs.digits) > 0
)

select
    proved.country_code || '|' || proved.raw_phone as typed_phone_id,
    proved.raw_phone,
    proved.country_code,
    proved.phone,
    proved.extension,
    proved.phone || coalesce(';ext=' || proved.extension, '') as phone_key,
    proved.proved_by,
    proved.is_mobile,
    runs.national is not null as has_digit_run
from proved
left join runs
    on proved.national = runs.national
