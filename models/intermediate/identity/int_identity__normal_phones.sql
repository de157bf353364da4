with

record_versions as (
    select * from {{ ref('int_identity__record_versions') }}
),

touch_keys as (
    select * from {{ ref('int_identity__touch_keys') }}
),

character_maps as (
    select * from {{ ref('int_identity__character_maps') }}
),

calling_codes as (
    select * from {{ ref('calling_codes') }}
),

digit_runs as (
    select * from {{ ref('digit_runs') }}
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
),

folded as (
    select
        typed.raw_phone,
        typed.country_code,
        {{ fold_characters('lower(typed.raw_phone)', ['width', 'digit']) }} as text
    from typed
    cross join character_maps
),

-- an extension, and a second number behind a slash, belong to nobody's key
one_number as (
    select
        raw_phone,
        country_code,
        trim({{ regexp_replace_all(
            regexp_replace_all("split_part(split_part(text, '/', 1), ';', 1)", "'^(tel|phone|mobile|mob|m|t|手机|电话)[ .:：]*'", "''"),
            "'[ ,.-]*(ext|extension|extn|x|#|转|分机|转分机)[ .:-]*[0-9]{1,6}$'", "''"
        ) }}) as text
    from folded
),

digits as (
    select
        raw_phone,
        country_code,
        text like '+%' as has_plus,
        {{ regexp_replace_all("replace(text, '(0)', '')", "'[^0-9]'", "''") }} as all_digits
    from one_number
    where {{ regexp_matches('text', "'^[+]?[-0-9() .·–]+$'") }}
),

prefixes as (
    select
        digits.raw_phone,
        digits.country_code,
        case
            when digits.has_plus then digits.all_digits
            when digits.all_digits like '00%' then substr(digits.all_digits, 3)
            when digits.all_digits like '011%' and home.calling_code = '1' then substr(digits.all_digits, 4)
            -- '8613800138000' for a Chinese record: the code is there, only the plus is missing
            when {{ regexp_matches('substr(digits.all_digits, length(home.calling_code) + 1)', 'home.mobile_pattern') }}
                and digits.all_digits like home.calling_code || '%'
                and not {{ regexp_matches('digits.all_digits', 'home.mobile_pattern') }}
                then digits.all_digits
        end as international_digits,
        digits.all_digits,
        home.calling_code as home_calling_code,
        home.trunk_prefix as home_trunk_prefix
    from digits
    left join calling_codes as home
        on digits.country_code = home.country_code
),

-- calling codes are free of prefixes, so at most one main country fits
split_international as (
    select
        prefixes.raw_phone,
        prefixes.country_code,
        coalesce(abroad.calling_code, case when prefixes.international_digits is null then prefixes.home_calling_code end)
            as calling_code,
        case
            when prefixes.international_digits is null then prefixes.all_digits
            else substr(prefixes.international_digits, length(abroad.calling_code) + 1)
        end as written_national,
        coalesce(abroad.trunk_prefix, prefixes.home_trunk_prefix) as trunk_prefix
    from prefixes
    left join calling_codes as abroad
        on abroad.is_main_country
            and left(prefixes.international_digits, length(abroad.calling_code)) = abroad.calling_code
),

plans as (
    select
        split_international.raw_phone,
        split_international.country_code,
        split_international.calling_code,
        case
            -- a number of the same length as the plan allows may begin with the trunk digit (the 1 and 8 of America and Russia)
            when length(split_international.written_national) > plan.min_digits
                and split_international.written_national like split_international.trunk_prefix || '%'
                then substr(split_international.written_national, length(split_international.trunk_prefix) + 1)
            else split_international.written_national
        end as national,
        plan.min_digits,
        plan.max_digits,
        plan.mobile_pattern
    from split_international
    inner join calling_codes as plan
        on split_international.calling_code = plan.calling_code
            and plan.is_main_country
),

proven as (
    select
        raw_phone,
        country_code,
        '+' || calling_code || national as phone,
        {{ regexp_matches('national', 'mobile_pattern') }} as is_mobile,
        national
    from plans
    where length(national) between min_digits and max_digits
),

runs as (
    select distinct proven.phone
    from proven
    inner join digit_runs
        on strpos(proven.national, digit_runs.digits) > 0
)

select
    proven.raw_phone,
    proven.country_code,
    proven.phone,
    proven.is_mobile,
    runs.phone is not null as has_digit_run
from proven
left join runs
    on proven.phone = runs.phone
