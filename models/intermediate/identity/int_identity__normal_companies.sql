with

record_versions as (
    select * from {{ ref('int_identity__record_versions') }}
),

crm_accounts as (
    select * from {{ ref('stg_crm__accounts') }}
),

competitors as (
    select * from {{ ref('competitors') }}
),

character_maps as (
    select * from {{ ref('int_identity__character_maps') }}
),

legal_forms as (
    select * from {{ ref('legal_forms') }}
),

company_places as (
    select * from {{ ref('company_places') }}
),

typed as (
    select company as raw_company from record_versions
    where company is not null
    union
    select {{ blank_to_null('name') }} as raw_company from crm_accounts
    where {{ blank_to_null('name') }} is not null
    union
    select company_name as raw_company from competitors
    where company_name is not null
),

folded as (
    select
        typed.raw_company,
        {{ fold_characters('lower(typed.raw_company)', ['width', 'traditional', 'accent']) }} as text
    from typed
    cross join character_maps
),

-- '华为技术（huawei）': what stands in brackets is the pinyin, a place or a remark
unbracketed as (
    select
        raw_company,
        text,
        {{ regexp_replace_all('text', "'[(\\[].*?[)\\]]'", "' '") }} as outer_text
    from folded
),

words as (
    select
        raw_company,
        trim({{ regexp_replace_all(
            "replace(replace(case when trim(outer_text) = '' then text else outer_text end, '.', ''), '''', '')",
            "'[^\\p{L}\\p{M}\\p{N}㈱]+'", "' '"
        ) }}) as text
    from unbracketed
),

joined as (
    select
        raw_company,
        case when {{ regexp_matches('text', "'[\\p{Han}\\p{Hiragana}\\p{Katakana}]'") }} then replace(text, ' ', '') else text end
            as text,
        {{ regexp_matches('text', "'[\\p{Han}\\p{Hiragana}\\p{Katakana}]'") }} as is_cjk
    from words
    where text <> ''
),

{%- for pass in [1, 2] %}
    {%- set input = 'joined' if loop.first else 'stripped_1' %}

    longest_form_{{ pass }} as (
        select
            {{ input }}.raw_company,
            max(length(legal_forms.legal_form) + case when {{ input }}.is_cjk then 0 else 1 end) as form_length
        from {{ input }}
        inner join legal_forms
            on right({{ input }}.text, length(legal_forms.legal_form)) = legal_forms.legal_form
                and (
                    {{ input }}.is_cjk
                    or right({{ input }}.text, length(legal_forms.legal_form) + 1) = ' ' || legal_forms.legal_form
                )
                and length({{ input }}.text) > length(legal_forms.legal_form) + 1
        group by {{ input }}.raw_company
    ),

    stripped_{{ pass }} as (
        select
            {{ input }}.raw_company,
            {{ input }}.is_cjk,
            left(
                {{ input }}.text,
                cast(length({{ input }}.text) - coalesce(longest_form_{{ pass }}.form_length, 0) as integer)
            ) as text
        from {{ input }}
        left join longest_form_{{ pass }}
            on {{ input }}.raw_company = longest_form_{{ pass }}.raw_company
    ),
{%- endfor %}

-- Japanese puts its legal form in front as well
longest_head as (
    select
        stripped_2.raw_company,
        max(length(legal_forms.legal_form)) as head_length
    from stripped_2
    inner join legal_forms
        on legal_forms.language = 'JP'
            and stripped_2.is_cjk
            and left(stripped_2.text, length(legal_forms.legal_form)) = legal_forms.legal_form
            and length(stripped_2.text) > length(legal_forms.legal_form) + 1
    group by stripped_2.raw_company
),

headless as (
    select
        stripped_2.raw_company,
        stripped_2.is_cjk,
        substr(stripped_2.text, cast(coalesce(longest_head.head_length, 0) + 1 as integer)) as text
    from stripped_2
    left join longest_head
        on stripped_2.raw_company = longest_head.raw_company
),

longest_place as (
    select
        headless.raw_company,
        max(length(company_places.place)) as place_length
    from headless
    inner join company_places
        on headless.is_cjk
            and left(headless.text, length(company_places.place)) = company_places.place
            and length(headless.text) > length(company_places.place) + 1
    group by headless.raw_company
)

select
    headless.raw_company,
    trim(substr(headless.text, cast(coalesce(longest_place.place_length, 0) + 1 as integer))) as company_key
from headless
left join longest_place
    on headless.raw_company = longest_place.raw_company
where trim(headless.text) <> ''
