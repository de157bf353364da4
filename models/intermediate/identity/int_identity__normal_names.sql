{#- Every person name ever typed -> a key to compare by, and how a Chinese name is read in Latin letters. -#}
{{ config(materialized='nightly', key='raw_name') }}
with

record_versions as (
    select * from {{ ref('int_identity__record_versions') }}
    where {{ is_changed('birth_order') }}
),

character_maps as (
    select * from {{ ref('int_identity__character_maps') }}
),

name_titles as (
    select * from {{ ref('name_titles') }}
),

nicknames as (
    select * from {{ ref('nicknames') }}
),

name_surnames as (
    select * from {{ ref('name_surnames') }}
),

name_rules as (
    select * from {{ ref('name_rules') }}
),

blocked_names as (
    select * from {{ ref('blocked_names') }}
),

limits as (
    select max(case when rule = 'max_words' then value end) as max_words
    from name_rules
),

typed as (
    select distinct person_name as raw_name
    from record_versions
    where person_name is not null
),

unknown as (
    select typed.raw_name
    from typed
    {%- if is_delta() %}
        left join {{ this }} as known
            on typed.raw_name = known.raw_name
        where known.raw_name is null
    {%- endif %}
),

-- accents also where they are characters of their own, as some systems export them
folded as (
    select
        unknown.raw_name,
        min({{ fold_ligatures(fold_characters('lower(unknown.raw_name)', ['width', 'traditional', 'accent'])) }}) as text
    from unknown
    cross join character_maps
    where strpos(unknown.raw_name, '@') = 0
    group by unknown.raw_name
),

unaccented as (
    select
        raw_name,
        {{ regexp_replace_all('text', "'[\\x{0300}-\\x{036F}''’‘`´ʼ]'", "''") }} as text
    from folded
),

-- what stands in brackets is a second name or a remark
plain as (
    select
        raw_name,
        {{ regexp_replace_all('text', "'[(\\[].*?([)\\]]|$)'", "' '") }} as text
    from unaccented
    where strpos(text, '@') = 0
),

scripts as (
    select
        raw_name,
        trim({{ regexp_replace_all('text', "'[^\\p{L}\\p{M}]+'", "' '") }}) as text,
        trim({{ regexp_replace_all(regexp_extract('text', "'^([^,]*),'", 1), "'[^\\p{L}\\p{M}]+'", "' '") }}) as text_before_comma,
        {{ regexp_matches('text', "'\\p{Han}'") }} as is_hanzi
    from plain
),

-- Chinese and Japanese: one word, titles behind the name
hanzi_names as (
    select
        raw_name,
        {{ regexp_replace_all('text', "'[^\\p{Han}\\p{Hiragana}\\p{Katakana}ー]'", "''") }} as joined,
        {{ regexp_matches('text', "'[\\p{Hiragana}\\p{Katakana}]'") }} as has_kana
    from scripts
    where is_hanzi
),

title_lengths as (
    select distinct length(title) as title_length
    from name_titles
    where script = 'hanzi'
),

-- one character counts as a title behind a bare surname only: 王总, 欧阳老师; but 张建工 is a name
hanzi_titles as (
    select
        hanzi_names.raw_name,
        max(title_lengths.title_length) as title_length
    from hanzi_names
    inner join title_lengths
        on length(hanzi_names.joined) > title_lengths.title_length
    inner join name_titles
        on right(hanzi_names.joined, cast(title_lengths.title_length as integer)) = name_titles.title
            and name_titles.script = 'hanzi'
    left join name_surnames
        on left(hanzi_names.joined, cast(length(hanzi_names.joined) - title_lengths.title_length as integer)) = name_surnames.surname
    where title_lengths.title_length > 1
        or name_surnames.surname is not null
    group by hanzi_names.raw_name
),

hanzi_keys as (
    select
        hanzi_names.raw_name,
        hanzi_names.has_kana,
        left(hanzi_names.joined, cast(length(hanzi_names.joined) - coalesce(hanzi_titles.title_length, 0) as integer)) as name_key,
        hanzi_titles.title_length is not null as has_title
    from hanzi_names
    left join hanzi_titles
        on hanzi_names.raw_name = hanzi_titles.raw_name
),

hanzi_parts as (
    select
        hanzi_keys.raw_name,
        hanzi_keys.name_key,
        coalesce(name_surnames.surname, left(hanzi_keys.name_key, 1)) as family,
        case
            when name_surnames.surname is not null then substr(hanzi_keys.name_key, 3)
            else substr(hanzi_keys.name_key, 2)
        end as given
    from hanzi_keys
    left join name_surnames
        on left(hanzi_keys.name_key, 2) = name_surnames.surname
            and name_surnames.kind = 'compound'
            and (length(hanzi_keys.name_key) > 2 or hanzi_keys.has_title)
    where not hanzi_keys.has_kana
),

-- the library sees each surname and each given name once
hanzi_texts as (
    select family as hanzi from hanzi_parts
    union
    select given as hanzi from hanzi_parts
    where given <> ''
),

readings as (
    select
        hanzi,
        {{ hanzi_reading('hanzi') }} as reading
    from hanzi_texts
),

hanzi_readings as (
    select
        hanzi_parts.raw_name,
        coalesce(name_surnames.reading, replace(family_readings.reading, ' ', '')) as family_reading,
        replace(given_readings.reading, ' ', '') as given_reading
    from hanzi_parts
    left join name_surnames
        on hanzi_parts.family = name_surnames.surname
    left join readings as family_readings
        on hanzi_parts.family = family_readings.hanzi
    left join readings as given_readings
        on hanzi_parts.given = given_readings.hanzi
),

hanzi_results as (
    select
        hanzi_keys.raw_name,
        hanzi_keys.name_key,
        case
            when hanzi_readings.family_reading is null then hanzi_keys.name_key
            when hanzi_readings.given_reading is null then hanzi_readings.family_reading
            else least(hanzi_readings.family_reading, hanzi_readings.given_reading) || ' '
                || greatest(hanzi_readings.family_reading, hanzi_readings.given_reading)
        end as reading_key,
        hanzi_readings.family_reading,
        hanzi_readings.given_reading
    from hanzi_keys
    left join hanzi_readings
        on hanzi_keys.raw_name = hanzi_readings.raw_name
),

-- all other scripts: words in any order
word_counts as (
    select
        scripts.raw_name,
        scripts.text,
        scripts.text_before_comma,
        length(scripts.text) - length(replace(scripts.text, ' ', '')) + 1 as word_count,
        case
            when upper(scripts.raw_name) <> scripts.raw_name
                then lower({{ regexp_extract('scripts.raw_name', "'(?:^|[ ,])([A-Z]{2,})(?:[ ,]|$)'", 1) }})
        end as capitals
    from scripts
    where not scripts.is_hanzi
        and scripts.text <> ''
),

short_names as (
    select word_counts.*
    from word_counts
    inner join limits
        on word_counts.word_count <= limits.max_words
),

positions as (
    select numbers.position
    from {{ integers_to(64) }} as numbers
    inner join limits
        on numbers.position <= limits.max_words
),

latin_words as (
    select
        short_names.raw_name,
        positions.position,
        split_part(short_names.text, ' ', positions.position) as word,
        positions.position
        <= length(short_names.text_before_comma) - length(replace(short_names.text_before_comma, ' ', '')) + 1
        and short_names.text_before_comma <> '' as is_before_comma
    from short_names
    inner join positions
        on short_names.word_count >= positions.position
),

-- titles go, short names become long; only names that have one are put together again
replacements as (
    select
        title as word,
        '' as replacement
    from name_titles
    where script = 'latin'
    union all
    select
        nicknames.nickname as word,
        nicknames.given_name as replacement
    from nicknames
    left join name_titles
        on nicknames.nickname = name_titles.title
    where nicknames.is_sole
        and name_titles.title is null
),

replaced_names as (
    select distinct latin_words.raw_name
    from latin_words
    inner join replacements
        on latin_words.word = replacements.word
),

replaced_words as (
    select
        latin_words.raw_name,
        latin_words.position,
        latin_words.is_before_comma,
        nullif(coalesce(replacements.replacement, latin_words.word), '') as word
    from latin_words
    inner join replaced_names
        on latin_words.raw_name = replaced_names.raw_name
    left join replacements
        on latin_words.word = replacements.word
),

respelled as (
    select
        raw_name,
        {{ text_agg('word', ' ', 'position') }} as text,
        {{ text_agg("case when is_before_comma then word end", ' ', 'position') }} as text_before_comma
    from replaced_words
    group by raw_name
),

latin_texts as (
    select
        short_names.raw_name,
        case when respelled.raw_name is null then short_names.text else coalesce(respelled.text, '') end as text,
        case
            when respelled.raw_name is null then short_names.text_before_comma
            else coalesce(respelled.text_before_comma, '')
        end as text_before_comma,
        short_names.capitals
    from short_names
    left join respelled
        on short_names.raw_name = respelled.raw_name
),

-- in alphabetical order, so that Smith, John is John Smith
latin_keys as (
    select
        raw_name,
        text,
        text_before_comma,
        capitals,
        {{ sorted_words('text') }} as name_key,
        split_part(text, ' ', 1) as first_word,
        {{ regexp_extract('text', "'[^ ]+$'") }} as last_word,
        strpos(text, ' ') > 0 as has_words,
        {{ regexp_matches('text', "'^" ~ pinyin_word() ~ "( " ~ pinyin_word() ~ ")*$'") }} as is_pinyin
    from latin_texts
    where text <> ''
),

surname_readings as (
    select distinct reading from name_surnames
),

-- the surname: before a comma, in capitals, the only end that is a Chinese one, else the last word; Wei Zhang cannot be told
latin_sides as (
    select
        latin_keys.*,
        latin_keys.is_pinyin and (first_surnames.reading is not null or last_surnames.reading is not null) as is_chinese,
        case
            when not latin_keys.has_words then 'unknown'
            when latin_keys.text_before_comma <> '' and latin_keys.text_before_comma <> latin_keys.text then 'comma'
            when latin_keys.capitals = latin_keys.first_word then 'first'
            when latin_keys.capitals = latin_keys.last_word then 'last'
            when latin_keys.is_pinyin and first_surnames.reading is not null and last_surnames.reading is not null then 'unknown'
            when latin_keys.is_pinyin and first_surnames.reading is not null then 'first'
            else 'last'
        end as family_side
    from latin_keys
    left join surname_readings as first_surnames
        on latin_keys.first_word = first_surnames.reading
    left join surname_readings as last_surnames
        on latin_keys.last_word = last_surnames.reading
),

latin_parts as (
    select
        raw_name,
        name_key,
        is_chinese,
        case family_side
            when 'comma' then text_before_comma
            when 'first' then first_word
            when 'last' then last_word
        end as family_reading,
        case family_side
            when 'comma' then substr(text, cast(length(text_before_comma) + 2 as integer))
            when 'first' then substr(text, cast(length(first_word) + 2 as integer))
            when 'last' then left(text, cast(length(text) - length(last_word) - 1 as integer))
        end as given_words
    from latin_sides
),

latin_readings as (
    select
        raw_name,
        name_key,
        is_chinese,
        family_reading,
        case when is_chinese then replace(given_words, ' ', '') else given_words end as given_reading
    from latin_parts
),

results as (
    select
        raw_name,
        name_key,
        reading_key,
        family_reading,
        given_reading
    from hanzi_results
    union all
    select
        raw_name,
        name_key,
        case
            -- 'Xiao Ming Wang' reads as 王小明 does
            when is_chinese and family_reading is not null
                then least(family_reading, given_reading) || ' ' || greatest(family_reading, given_reading)
            else name_key
        end as reading_key,
        family_reading,
        given_reading
    from latin_readings
)

select
    results.raw_name,
    results.name_key,
    results.reading_key,
    results.family_reading,
    results.given_reading
from results
left join blocked_names
    on results.name_key = blocked_names.name_key
where blocked_names.name_key is null
    and results.name_key <> ''
