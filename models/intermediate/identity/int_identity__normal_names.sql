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
        {{ regexp_replace_all(
            fold_ligatures(fold_characters('lower(unknown.raw_name)', ['width', 'traditional', 'accent'])), "'[\\x{0300}-\\x{036F}''’‘`´ʼ]'", "''"
        ) }} as text
    from unknown
    cross join character_maps
    where strpos(unknown.raw_name, '@') = 0
),

-- what stands in brackets is a second name or a remark
plain as (
    select
        raw_name,
        {{ regexp_replace_all('text', "'[(\\[].*?([)\\]]|$)'", "' '") }} as text
    from folded
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
        length(scripts.text) - length(replace(scripts.text, ' ', '')) + 1 as word_count,
        case
            when scripts.text_before_comma <> ''
                then length(scripts.text_before_comma) - length(replace(scripts.text_before_comma, ' ', '')) + 1
            else 0
        end as word_count_before_comma,
        case when upper(scripts.raw_name) <> scripts.raw_name
                then lower({{ regexp_extract('scripts.raw_name', "'(?:^|[ ,])([A-Z]{2,})(?:[ ,]|$)'", 1) }})
        end as capitals
    from scripts
    where not scripts.is_hanzi
        and scripts.text <> ''
),

positions as (
    select numbers.position
    from {{ integers_to(64) }} as numbers
    inner join limits
        on numbers.position <= limits.max_words
),

latin_words as (
    select
        word_counts.raw_name,
        positions.position,
        positions.position <= word_counts.word_count_before_comma as is_before_comma,
        split_part(word_counts.text, ' ', positions.position) as word,
        word_counts.capitals
    from word_counts
    inner join limits
        on word_counts.word_count <= limits.max_words
    inner join positions
        on word_counts.word_count >= positions.position
),

single_nicknames as (
    select * from nicknames
    where is_sole
),

surname_readings as (
    select distinct reading from name_surnames
),

given_words as (
    select
        latin_words.raw_name,
        latin_words.position,
        latin_words.is_before_comma,
        latin_words.word = latin_words.capitals as is_capitals,
        coalesce(single_nicknames.given_name, latin_words.word) as word,
        surname_readings.reading is not null as is_chinese_surname,
        {{ regexp_matches('latin_words.word', "'^" ~ pinyin_word() ~ "$'") }} as is_pinyin
    from latin_words
    left join single_nicknames
        on latin_words.word = single_nicknames.nickname
    left join name_titles
        on latin_words.word = name_titles.title
    left join surname_readings
        on latin_words.word = surname_readings.reading
    where name_titles.title is null
),

-- in alphabetical order, so that Smith, John is John Smith
latin_keys as (
    select
        raw_name,
        {{ text_agg('word', ' ', 'word, position') }} as name_key,
        min(position) as first_position,
        max(position) as last_position,
        max(case when is_before_comma then position end) as comma_position,
        max(case when is_capitals then position end) as capitals_position,
        min_by(is_chinese_surname, position) as has_surname_first,
        max_by(is_chinese_surname, position) as has_surname_last,
        bool_and(is_pinyin) as is_pinyin
    from given_words
    group by raw_name
),

-- the surname: before a comma, in capitals, the only end that is a Chinese one, else the last word; Wei Zhang cannot be told
latin_families as (
    select
        raw_name,
        name_key,
        case
            when comma_position < last_position then first_position
            when first_position = last_position then null
            when capitals_position in (first_position, last_position) then capitals_position
            when is_pinyin and has_surname_first and has_surname_last then null
            when is_pinyin and has_surname_first then first_position
            else last_position
        end as family_from,
        case
            when comma_position < last_position then comma_position
            when first_position = last_position then null
            when capitals_position in (first_position, last_position) then capitals_position
            when is_pinyin and has_surname_first and has_surname_last then null
            when is_pinyin and has_surname_first then first_position
            else last_position
        end as family_to,
        is_pinyin and (has_surname_first or has_surname_last) as is_chinese
    from latin_keys
),

latin_parts as (
    select
        given_words.raw_name,
        {{ text_agg(
            "case when given_words.position between latin_families.family_from and latin_families.family_to then given_words.word end",
            ' ', 'given_words.position'
        ) }} as family_reading,
        {{ text_agg(
            "case when given_words.position not between latin_families.family_from and latin_families.family_to then given_words.word end",
            ' ', 'given_words.position'
        ) }} as given_words
    from given_words
    inner join latin_families
        on given_words.raw_name = latin_families.raw_name
    group by given_words.raw_name
),

latin_readings as (
    select
        latin_families.raw_name,
        latin_families.name_key,
        latin_families.is_chinese,
        latin_parts.family_reading,
        case when latin_families.is_chinese then replace(latin_parts.given_words, ' ', '') else latin_parts.given_words end
            as given_reading
    from latin_families
    inner join latin_parts
        on latin_families.raw_name = latin_parts.raw_name
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
