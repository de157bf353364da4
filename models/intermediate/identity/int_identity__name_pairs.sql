{#- Names that meet on one weak identifier, and whether one person can bear both. Each pair stands in both directions. -#}
with

listed_names as (
    select * from {{ ref('int_identity__weak_names') }}
),

name_rules as (
    select * from {{ ref('name_rules') }}
),

limits as (
    select
        max(case when rule = 'max_typo_distance' then value end) as max_typo_distance,
        max(case when rule = 'min_typo_length' then value end) as min_typo_length
    from name_rules
),

pairs as (
    select distinct
        left_names.name_key as left_name,
        right_names.name_key as right_name
    from listed_names as left_names
    inner join listed_names as right_names
        on left_names.identifier_key = right_names.identifier_key
            and left_names.name_key <> right_names.name_key
),

names as (
    select distinct left_name as name_key from pairs
),

positions as (
    select numbers.position
    from {{ integers_to(6) }} as numbers
),

words as (
    select
        names.name_key,
        positions.position,
        split_part(names.name_key, ' ', positions.position) as word
    from names
    cross join positions
    where split_part(names.name_key, ' ', positions.position) <> ''
),

word_counts as (
    select
        name_key,
        count(*) as word_count
    from words
    group by name_key
),

-- a word meets its equal, or its own first letter
met as (
    select
        pairs.left_name,
        pairs.right_name,
        count(distinct left_words.position) as met_count,
        count(distinct case
            when left_words.word = right_words.word and length(left_words.word) > 1 then left_words.position
        end) as equal_count
    from pairs
    inner join words as left_words
        on pairs.left_name = left_words.name_key
    inner join words as right_words
        on pairs.right_name = right_words.name_key
    where left_words.word = right_words.word
        or (length(right_words.word) = 1 and left(left_words.word, 1) = right_words.word)
        or (length(left_words.word) = 1 and left(right_words.word, 1) = left_words.word)
    group by pairs.left_name, pairs.right_name
),

covered as (
    select
        met.left_name,
        met.right_name,
        met.met_count = word_counts.word_count and met.equal_count > 0 as is_covered
    from met
    inner join word_counts
        on met.left_name = word_counts.name_key
),

judged as (
    select
        pairs.left_name,
        pairs.right_name,
        coalesce(covered.is_covered, false) or coalesce(covered_back.is_covered, false) as has_same_words,
        levenshtein(pairs.left_name, pairs.right_name) <= limits.max_typo_distance
        and least(length(pairs.left_name), length(pairs.right_name)) >= limits.min_typo_length as has_typo
    from pairs
    cross join limits
    left join covered
        on pairs.left_name = covered.left_name
            and pairs.right_name = covered.right_name
    left join covered as covered_back
        on pairs.left_name = covered_back.right_name
            and pairs.right_name = covered_back.left_name
)

select
    left_name,
    right_name,
    has_same_words or has_typo as is_compatible
from judged
