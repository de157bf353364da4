{#- Names that meet on one weak identifier, and whether one person can bear both. Each pair stands in both directions.
    A Chinese name meets a Latin one by its reading, and another Chinese one by its characters. -#}
with

listed_names as (
    select * from {{ ref('int_identity__weak_names') }}
),

normal_names as (
    select * from {{ ref('int_identity__normal_names') }}
),

name_rules as (
    select * from {{ ref('name_rules') }}
),

nicknames as (
    select * from {{ ref('nicknames') }}
),

name_surnames as (
    select * from {{ ref('name_surnames') }}
),

limits as (
    select
        max(case when rule = 'max_typo_distance' then value end) as max_typo_distance,
        max(case when rule = 'min_typo_length' then value end) as min_typo_length,
        max(case when rule = 'min_typo_word_length' then value end) as min_typo_word_length,
        max(case when rule = 'min_homophone_length' then value end) as min_homophone_length,
        max(case when rule = 'min_given_length' then value end) as min_given_length,
        max(case when rule = 'max_words' then value end) as max_words
    from name_rules
),

surname_readings as (
    select distinct reading from name_surnames
),

pairs as (
    select distinct
        left_names.name_key as left_name,
        right_names.name_key as right_name
    from listed_names as left_names
    inner join listed_names as right_names
        on left_names.identifier_key = right_names.identifier_key
            and left_names.name_key < right_names.name_key
),

name_keys as (
    select left_name as name_key from pairs
    union
    select right_name as name_key from pairs
),

hanzi_readings as (
    select distinct
        name_key,
        reading_key
    from normal_names
    where {{ regexp_matches('name_key', "'\\p{Han}'") }}
),

names as (
    select
        name_keys.name_key,
        {{ fold_vowel_pairs('coalesce(hanzi_readings.reading_key, name_keys.name_key)') }} as spelling,
        hanzi_readings.name_key is not null as is_hanzi
    from name_keys
    left join hanzi_readings
        on name_keys.name_key = hanzi_readings.name_key
),

positions as (
    select numbers.position
    from {{ integers_to(64) }} as numbers
    inner join limits
        on numbers.position <= limits.max_words
),

words as (
    select
        names.name_key,
        positions.position,
        split_part(names.spelling, ' ', positions.position) as word
    from names
    inner join positions
        on positions.position <= length(names.spelling) - length(replace(names.spelling, ' ', '')) + 1
),

word_counts as (
    select
        words.name_key,
        count(*) as word_count,
        bool_and({{ regexp_matches('words.word', "'^" ~ pinyin_word() ~ "$'") }}) and bool_or(surname_readings.reading is not null)
            as is_chinese
    from words
    left join surname_readings
        on words.word = surname_readings.reading
    group by words.name_key
),

sides as (
    select
        pairs.left_name,
        pairs.right_name,
        left_names.spelling as left_spelling,
        right_names.spelling as right_spelling,
        left_names.is_hanzi and right_names.is_hanzi as is_hanzi,
        left_names.is_hanzi or right_names.is_hanzi as has_hanzi,
        left_counts.word_count as left_count,
        right_counts.word_count as right_count,
        left_counts.is_chinese or right_counts.is_chinese as has_chinese
    from pairs
    inner join names as left_names
        on pairs.left_name = left_names.name_key
    inner join names as right_names
        on pairs.right_name = right_names.name_key
    inner join word_counts as left_counts
        on pairs.left_name = left_counts.name_key
    inner join word_counts as right_counts
        on pairs.right_name = right_counts.name_key
),

word_pairs as (
    select
        sides.left_name,
        sides.right_name,
        left_words.position as left_position,
        right_words.position as right_position,
        left_words.word as left_word,
        right_words.word as right_word
    from sides
    inner join words as left_words
        on sides.left_name = left_words.name_key
    inner join words as right_words
        on sides.right_name = right_words.name_key
    where not sides.is_hanzi
),

-- a word meets its equal, its own first letter, or a name that it can be short for
judged_words as (
    select
        word_pairs.left_name,
        word_pairs.right_name,
        word_pairs.left_position,
        word_pairs.right_position,
        word_pairs.left_word = word_pairs.right_word and length(word_pairs.left_word) > 1 as is_equal,
        word_pairs.left_word = word_pairs.right_word
        or (length(word_pairs.right_word) = 1 and left(word_pairs.left_word, 1) = word_pairs.right_word)
        or (length(word_pairs.left_word) = 1 and left(word_pairs.right_word, 1) = word_pairs.left_word)
        or left_nicknames.nickname is not null
        or right_nicknames.nickname is not null as is_met,
        word_pairs.left_word <> word_pairs.right_word
        and right(word_pairs.left_word, 1) = right(word_pairs.right_word, 1)
        and least(length(word_pairs.left_word), length(word_pairs.right_word)) >= limits.min_typo_word_length
        and {{ edit_distance('word_pairs.left_word', 'word_pairs.right_word') }} <= limits.max_typo_distance as is_typo
    from word_pairs
    cross join limits
    left join nicknames as left_nicknames
        on word_pairs.left_word = left_nicknames.nickname
            and word_pairs.right_word = {{ fold_vowel_pairs('left_nicknames.given_name') }}
    left join nicknames as right_nicknames
        on word_pairs.right_word = right_nicknames.nickname
            and word_pairs.left_word = {{ fold_vowel_pairs('right_nicknames.given_name') }}
),

met as (
    select
        left_name,
        right_name,
        count(distinct case when is_met then left_position end) as left_met_count,
        count(distinct case when is_met then right_position end) as right_met_count,
        count(distinct case when is_equal then left_position end) as equal_count,
        bool_or(is_typo) as has_typo
    from judged_words
    group by left_name, right_name
),

-- 'ann mary smith' with two of its words in one: 'maryann smith' as well as 'annmary smith'
joins as (
    select
        first_words.name_key,
        first_words.position as first_position,
        second_words.position as second_position,
        first_words.word || second_words.word as joined_word
    from words as first_words
    inner join words as second_words
        on first_words.name_key = second_words.name_key
            and first_words.position <> second_words.position
),

joined_words as (
    select
        name_key,
        first_position,
        second_position,
        joined_word as word
    from joins
    union all
    select
        joins.name_key,
        joins.first_position,
        joins.second_position,
        words.word
    from joins
    inner join words
        on joins.name_key = words.name_key
            and words.position not in (joins.first_position, joins.second_position)
),

joined_spellings as (
    select
        name_key,
        first_position,
        second_position,
        {{ text_agg('word', ' ', 'word') }} as spelling
    from joined_words
    group by name_key, first_position, second_position
),

joined_pairs as (
    select
        sides.left_name,
        sides.right_name
    from sides
    inner join joined_spellings
        on sides.left_name = joined_spellings.name_key
            and sides.right_spelling = joined_spellings.spelling
    where not sides.is_hanzi
    union
    select
        sides.left_name,
        sides.right_name
    from sides
    inner join joined_spellings
        on sides.right_name = joined_spellings.name_key
            and sides.left_spelling = joined_spellings.spelling
    where not sides.is_hanzi
),

-- two Chinese names meet by their characters
hanzi_pairs as (
    select
        sides.left_name,
        sides.right_name,
        case
            when sides.left_spelling = sides.right_spelling
                and left(sides.left_name, 1) = left(sides.right_name, 1)
                and length(sides.left_name) = length(sides.right_name)
                and length(sides.left_name) >= limits.min_homophone_length
                then 'same sound'
            when right(sides.left_name, cast(length(sides.right_name) as integer)) = sides.right_name
                and length(sides.right_name) >= limits.min_given_length
                then 'given name'
            when right(sides.right_name, cast(length(sides.left_name) as integer)) = sides.left_name
                and length(sides.left_name) >= limits.min_given_length
                then 'given name'
        end as compatible_by
    from sides
    cross join limits
    where sides.is_hanzi
),

judged as (
    select
        sides.left_name,
        sides.right_name,
        case
            when sides.is_hanzi then hanzi_pairs.compatible_by
            when sides.left_spelling = sides.right_spelling then case when sides.has_hanzi then 'reading' else 'spelling' end
            when joined_pairs.left_name is not null then case when sides.has_hanzi then 'reading' else 'spelling' end
            when met.equal_count > 0
                and (met.left_met_count = sides.left_count or met.right_met_count = sides.right_count)
                -- a Chinese surname alone is shared by millions
                and (not sides.has_hanzi or least(sides.left_count, sides.right_count) > 1)
                then 'words'
            when met.has_typo
                -- one letter makes another name of a Chinese one
                and not sides.has_chinese
                and sides.left_count = sides.right_count
                and met.equal_count = sides.left_count - 1
                and least(length(sides.left_spelling), length(sides.right_spelling)) >= limits.min_typo_length
                then 'typo'
        end as compatible_by
    from sides
    cross join limits
    left join met
        on sides.left_name = met.left_name
            and sides.right_name = met.right_name
    left join hanzi_pairs
        on sides.left_name = hanzi_pairs.left_name
            and sides.right_name = hanzi_pairs.right_name
    left join joined_pairs
        on sides.left_name = joined_pairs.left_name
            and sides.right_name = joined_pairs.right_name
)

select
    left_name,
    right_name,
    compatible_by,
    compatible_by is not null as is_compatible
from judged
union all
select
    right_name as left_name,
    left_name as right_name,
    compatible_by,
    compatible_by is not null as is_compatible
from judged
