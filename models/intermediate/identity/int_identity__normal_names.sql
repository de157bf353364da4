with

record_versions as (
    select * from {{ ref('int_identity__record_versions') }}
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

blocked_names as (
    select * from {{ ref('blocked_names') }}
),

typed as (
    select distinct person_name as raw_name
    from record_versions
    where person_name is not null
),

folded as (
    select
        typed.raw_name,
        {{ fold_characters('lower(typed.raw_name)', ['width', 'traditional', 'accent']) }} as text
    from typed
    cross join character_maps
),

-- what stands in brackets is a second name or a remark
plain as (
    select
        raw_name,
        {{ regexp_replace_all(regexp_replace_all('text', "'[(\\[].*?[)\\]]'", "' '"), "'[^\\p{L}\\p{M}]+'", "' '") }} as text,
        {{ regexp_matches('text', "'[@]'") }} as is_address
    from folded
),

scripts as (
    select
        raw_name,
        trim(text) as text,
        {{ regexp_matches('text', "'\\p{Han}'") }} as is_hanzi
    from plain
    where not is_address
        and trim(text) <> ''
),

hanzi_names as (
    select
        scripts.raw_name,
        {{ regexp_replace_all('scripts.text', "'[^\\p{Han}]'", "''") }} as joined
    from scripts
    where scripts.is_hanzi
),

hanzi_titles as (
    select
        hanzi_names.raw_name,
        max(length(name_titles.title)) as title_length
    from hanzi_names
    inner join name_titles
        on name_titles.script = 'hanzi'
            and right(hanzi_names.joined, length(name_titles.title)) = name_titles.title
            and length(hanzi_names.joined) > length(name_titles.title)
    group by hanzi_names.raw_name
),

hanzi_keys as (
    select
        hanzi_names.raw_name,
        left(hanzi_names.joined, cast(length(hanzi_names.joined) - coalesce(hanzi_titles.title_length, 0) as integer)) as name_key
    from hanzi_names
    left join hanzi_titles
        on hanzi_names.raw_name = hanzi_titles.raw_name
),

positions as (
    select numbers.position
    from {{ integers_to(6) }} as numbers
),

latin_words as (
    select
        scripts.raw_name,
        positions.position,
        split_part(scripts.text, ' ', positions.position) as word
    from scripts
    cross join positions
    where not scripts.is_hanzi
        and split_part(scripts.text, ' ', positions.position) <> ''
),

given_words as (
    select
        latin_words.raw_name,
        latin_words.position,
        coalesce(nicknames.given_name, latin_words.word) as word
    from latin_words
    left join nicknames
        on latin_words.word = nicknames.nickname
    left join name_titles
        on latin_words.word = name_titles.title
    where name_titles.title is null
),

-- in alphabetical order, so that Smith, John is John Smith
latin_keys as (
    select
        raw_name,
        {{ text_agg('word', ' ', 'word, position') }} as name_key
    from given_words
    group by raw_name
),

keys as (
    select
        raw_name,
        name_key
    from hanzi_keys
    union all
    select
        raw_name,
        name_key
    from latin_keys
)

select
    keys.raw_name,
    keys.name_key
from keys
left join blocked_names
    on keys.name_key = blocked_names.name_key
where blocked_names.name_key is null
    and keys.name_key <> ''
