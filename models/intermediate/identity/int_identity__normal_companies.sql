{#- Every company name ever typed -> a key to compare by. Forms and places are looked up by their length, ends against ends, so that
    a longer list costs nothing. -#}
{{ config(materialized='nightly', key='raw_company') }}
{%- set form_passes = [1, 2, 3] %}
{%- set place_passes = [1, 2] %}
with

record_versions as (
    select * from {{ ref('int_identity__record_versions') }}
    where {{ is_changed('birth_order') }}
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

company_words as (
    select * from {{ ref('company_words') }}
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

unknown as (
    select typed.raw_company
    from typed
    {%- if is_delta() %}
        left join {{ this }} as known
            on typed.raw_company = known.raw_company
        where known.raw_company is null
    {%- endif %}
),

folded as (
    select
        unknown.raw_company,
        min({{ fold_ligatures(fold_characters('lower(unknown.raw_company)', ['width', 'traditional', 'accent'])) }}) as text
    from unknown
    cross join character_maps
    group by unknown.raw_company
),

-- '华为技术（huawei）': what stands in brackets is the pinyin, a place or a remark
unbracketed as (
    select
        raw_company,
        text,
        {{ regexp_replace_all('text', "'[(\\[【].*?([)\\]】]|$)'", "' '") }} as outer_text
    from folded
),

undotted as (
    select
        raw_company,
        {{ regexp_replace_all(
            "case when trim(outer_text) = '' then text else outer_text end", "'[.''’‘`´\\x{0300}-\\x{036F}]'", "''"
        ) }} as text
    from unbracketed
),

worded as (
    select
        raw_company,
        trim({{ regexp_replace_all('text', "'[^\\p{L}\\p{M}\\p{N}㈱]+'", "' '") }}) as text,
        {{ regexp_matches('text', "'[\\p{Han}\\p{Hiragana}\\p{Katakana}]'") }} as is_cjk
    from undotted
),

joined as (
    select
        raw_company,
        case when is_cjk then replace(text, ' ', '') else text end as text,
        is_cjk
    from worded
    where text <> ''
),

-- 'Johnson and Johnson' is Johnson & Johnson, Mueller is Müller: only names with such a word are put together again
positions as (
    select numbers.position
    from {{ integers_to(20) }} as numbers
),

word_counts as (
    select
        raw_company,
        text,
        length(text) - length(replace(text, ' ', '')) + 1 as word_count
    from joined
    where not is_cjk
        and strpos(text, ' ') > 0
),

single_words as (
    select
        word_counts.raw_company,
        word_counts.word_count,
        positions.position,
        split_part(word_counts.text, ' ', positions.position) as word
    from word_counts
    inner join positions
        on word_counts.word_count >= positions.position
    where word_counts.word_count <= 20
),

special_words as (
    select
        single_words.raw_company,
        single_words.position,
        case when company_words.role = 'joining' then '' else company_words.folded_word end as word
    from single_words
    inner join company_words
        on single_words.word = company_words.word
            and (
                company_words.role = 'umlaut'
                or (company_words.role = 'joining' and single_words.position between 2 and single_words.word_count - 1)
            )
),

special_names as (
    select distinct raw_company from special_words
),

respelled as (
    select
        single_words.raw_company,
        {{ text_agg("nullif(coalesce(special_words.word, single_words.word), '')", ' ', 'single_words.position') }} as text
    from single_words
    inner join special_names
        on single_words.raw_company = special_names.raw_company
    left join special_words
        on single_words.raw_company = special_words.raw_company
            and single_words.position = special_words.position
    group by single_words.raw_company
),

named_0 as (
    select
        joined.raw_company,
        joined.is_cjk,
        coalesce(respelled.text, joined.text) as text
    from joined
    left join respelled
        on joined.raw_company = respelled.raw_company
),

end_lengths as (
    select distinct length(legal_form) as form_length
    from legal_forms
    where stands in ('end', 'either', 'office')
),

front_lengths as (
    select distinct length(legal_form) as form_length
    from legal_forms
    where stands in ('front', 'either')
),

place_lengths as (
    select distinct length(place) as place_length
    from company_places
),

{%- for pass in form_passes %}
    {%- set input = 'named_' ~ (pass - 1) %}

    longest_form_{{ pass }} as (
        select
            {{ input }}.raw_company,
            max(end_lengths.form_length) as form_length,
            max(case when legal_forms.stands = 'office' then end_lengths.form_length end) as office_length
        from {{ input }}
        inner join end_lengths
            on length({{ input }}.text) > end_lengths.form_length + 1
        inner join legal_forms
            on right({{ input }}.text, cast(end_lengths.form_length as integer)) = legal_forms.legal_form
                and legal_forms.stands in ('end', 'either', 'office')
        where {{ input }}.is_cjk
            or substr({{ input }}.text, cast(length({{ input }}.text) - end_lengths.form_length as integer), 1) = ' '
        group by {{ input }}.raw_company
    ),

    formless_{{ pass }} as (
        select
            {{ input }}.raw_company,
            {{ input }}.is_cjk,
            rtrim(left(
                {{ input }}.text,
                cast(length({{ input }}.text) - coalesce(longest_form_{{ pass }}.form_length, 0) as integer)
            )) as text,
            coalesce(longest_form_{{ pass }}.office_length = longest_form_{{ pass }}.form_length, false) as is_office
        from {{ input }}
        left join longest_form_{{ pass }}
            on {{ input }}.raw_company = longest_form_{{ pass }}.raw_company
    ),

    {#- an office is named by its place #}

    office_places_{{ pass }} as (
        select
            formless_{{ pass }}.raw_company,
            max(place_lengths.place_length) as place_length
        from formless_{{ pass }}
        inner join place_lengths
            on length(formless_{{ pass }}.text) > place_lengths.place_length + 1
        inner join company_places
            on right(formless_{{ pass }}.text, cast(place_lengths.place_length as integer)) = company_places.place
        where formless_{{ pass }}.is_office
        group by formless_{{ pass }}.raw_company
    ),

    named_{{ pass }} as (
        select
            formless_{{ pass }}.raw_company,
            formless_{{ pass }}.is_cjk,
            left(
                formless_{{ pass }}.text,
                cast(length(formless_{{ pass }}.text) - coalesce(office_places_{{ pass }}.place_length, 0) as integer)
            ) as text
        from formless_{{ pass }}
        left join office_places_{{ pass }}
            on formless_{{ pass }}.raw_company = office_places_{{ pass }}.raw_company
    ),
{%- endfor %}
{%- set named = 'named_' ~ (form_passes | last) %}

longest_head as (
    select
        {{ named }}.raw_company,
        max(front_lengths.form_length) as head_length
    from {{ named }}
    inner join front_lengths
        on length({{ named }}.text) > front_lengths.form_length + 1
    inner join legal_forms
        on left({{ named }}.text, cast(front_lengths.form_length as integer)) = legal_forms.legal_form
            and legal_forms.stands in ('front', 'either')
    where {{ named }}.is_cjk
        or substr({{ named }}.text, cast(front_lengths.form_length + 1 as integer), 1) = ' '
    group by {{ named }}.raw_company
),

placed_0 as (
    select
        {{ named }}.raw_company,
        {{ named }}.is_cjk,
        ltrim(substr({{ named }}.text, cast(coalesce(longest_head.head_length, 0) + 1 as integer))) as text
    from {{ named }}
    left join longest_head
        on {{ named }}.raw_company = longest_head.raw_company
),

{%- for pass in place_passes %}
    {%- set input = 'placed_' ~ (pass - 1) %}

    {#- '上海汽车': what a place leaves must still be a name #}

    longest_place_{{ pass }} as (
        select
            {{ input }}.raw_company,
            max(place_lengths.place_length) as place_length
        from {{ input }}
        inner join place_lengths
            on length({{ input }}.text) > place_lengths.place_length + 1
        inner join company_places
            on left({{ input }}.text, cast(place_lengths.place_length as integer)) = company_places.place
        left join company_words
            on substr({{ input }}.text, cast(place_lengths.place_length + 1 as integer)) = company_words.word
                and company_words.role = 'generic'
        where {{ input }}.is_cjk
            and company_words.word is null
        group by {{ input }}.raw_company
    ),

    placed_{{ pass }} as (
        select
            {{ input }}.raw_company,
            {{ input }}.is_cjk,
            substr({{ input }}.text, cast(coalesce(longest_place_{{ pass }}.place_length, 0) + 1 as integer)) as text
        from {{ input }}
        left join longest_place_{{ pass }}
            on {{ input }}.raw_company = longest_place_{{ pass }}.raw_company
    ){{ ',' if not loop.last }}
{%- endfor %}

select
    raw_company,
    text as company_key
from placed_{{ place_passes | last }}
where text <> ''
