with

tags as (
    select * from {{ ref('tags') }}
),

tag_conditions as (
    select * from {{ ref('tag_conditions') }}
),

person_facts as (
    select * from {{ ref('int_tags__person_facts') }}
),

persons as (
    select person_id from {{ ref('int_tags__profiles') }}
    where not is_anonymous
),

conditions as (
    select
        tag,
        alternative,
        condition as condition_number,
        field,
        match_kind,
        value,
        is_negated,
        try_cast(value as double) as limit_value
    from tag_conditions
),

matches as (
    select
        person_facts.person_id,
        conditions.tag,
        conditions.alternative,
        conditions.condition_number,
        min(person_facts.text_value) as found
    from conditions
    inner join person_facts
        on conditions.field = person_facts.field
    where
        case conditions.match_kind
            when 'present' then true
            when 'is' then person_facts.text_value = conditions.value
            when 'in_list' then '|' || conditions.value || '|' like '%|' || person_facts.text_value || '|%'
            when 'regex' then {{ regexp_matches('person_facts.text_value', 'conditions.value') }}
            when 'at_least' then person_facts.number_value >= conditions.limit_value
            when 'at_most' then person_facts.number_value <= conditions.limit_value
        end
    group by person_facts.person_id, conditions.tag, conditions.alternative, conditions.condition_number
),

satisfied as (
    {{ satisfied('tag') }}
),

first_alternatives as (
    select
        person_id,
        tag,
        min(alternative) as alternative
    from satisfied
    group by person_id, tag
),

reasons as (
    select
        first_alternatives.person_id,
        first_alternatives.tag,
        {{ text_agg("conditions.field || ' = ' || matches.found", ', ', 'conditions.condition_number') }} as reason
    from first_alternatives
    inner join conditions
        on first_alternatives.tag = conditions.tag
            and first_alternatives.alternative = conditions.alternative
    inner join matches
        on first_alternatives.person_id = matches.person_id
            and conditions.tag = matches.tag
            and conditions.alternative = matches.alternative
            and conditions.condition_number = matches.condition_number
    group by first_alternatives.person_id, first_alternatives.tag
)

select
    first_alternatives.person_id,
    first_alternatives.tag,
    tags.tag_group,
    tags.label_en,
    tags.label_zh,
    first_alternatives.alternative,
    reasons.reason
from first_alternatives
inner join tags
    on first_alternatives.tag = tags.tag
left join reasons
    on first_alternatives.person_id = reasons.person_id
        and first_alternatives.tag = reasons.tag
