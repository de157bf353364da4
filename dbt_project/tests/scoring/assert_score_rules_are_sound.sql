{{ config(meta={'dagster': {'ref': {'name': 'behaviour_rules'}}}) }}
-- Each row is a fault of the score rules in words: which seed, which row, what is wrong, what to write instead. Rules with a fault stop the
-- run before anything is built from them, and what is published stands. Thresholds: assert_stage_model_is_sound.
with

behaviour_rules as (
    select * from {{ ref('behaviour_rules') }}
),

fit_rules as (
    select * from {{ ref('fit_rules') }}
),

grades as (
    select * from {{ ref('grades') }}
),

business_day as (
    select * from {{ ref('business_day') }}
),

profile_attributes as (
    select * from {{ ref('profile_attributes') }}
),

dated_rules as (
    select
        'seeds/scoring/behaviour_rules.csv, rule ' || coalesce(rule_id, '(empty)') as rule_name,
        points,
        valid_from,
        valid_to
    from behaviour_rules

    union all

    select
        'seeds/scoring/fit_rules.csv, rule ' || coalesce(rule_id, '(empty)') as rule_name,
        points,
        valid_from,
        valid_to
    from fit_rules
),

grade_parts as (
    select 'fit' as grade_part
    union all
    select 'behaviour' as grade_part
)

select dated_rules.rule_name || ': points must be given' as problem
from dated_rules
where dated_rules.points is null

union all

select dated_rules.rule_name || ': valid_to must be later than valid_from; as it stands the rule never holds' as problem
from dated_rules
where dated_rules.valid_to <= dated_rules.valid_from

union all

select
    'seeds/scoring/behaviour_rules.csv, rule '
    || coalesce(behaviour_rules.rule_id, '(empty)')
    || ': half_life_days must be more than 0, or empty for points that do not decay' as problem
from behaviour_rules
where behaviour_rules.half_life_days <= 0

union all

select
    'seeds/scoring/behaviour_rules.csv, rule '
    || coalesce(behaviour_rules.rule_id, '(empty)')
    || ': day_cap_points must be at least the points of one touch; it caps what a rule gives, not what it takes' as problem
from behaviour_rules
where behaviour_rules.day_cap_points < greatest(behaviour_rules.points, 0)
    or (behaviour_rules.points < 0 and behaviour_rules.day_cap_points is not null)

union all

select
    'seeds/scoring/behaviour_rules.csv, rule '
    || coalesce(behaviour_rules.rule_id, '(empty)')
    || ': is_qualifying must be true or false' as problem
from behaviour_rules
where behaviour_rules.is_qualifying is null

union all

select
    'seeds/scoring/fit_rules.csv, rule '
    || coalesce(fit_rules.rule_id, '(empty)')
    || ': match_kind '
    || coalesce(fit_rules.match_kind, '(empty)')
    || ' is none of regex, in_list, equals, present' as problem
from fit_rules
where coalesce(fit_rules.match_kind, '') not in ('regex', 'in_list', 'equals', 'present')

union all

select
    'seeds/scoring/fit_rules.csv, rule '
    || coalesce(fit_rules.rule_id, '(empty)')
    || ': match_kind '
    || fit_rules.match_kind
    || ' needs a pattern' as problem
from fit_rules
where fit_rules.match_kind in ('regex', 'in_list', 'equals') and coalesce(fit_rules.pattern, '') = ''

union all

select
    'seeds/scoring/fit_rules.csv, rule '
    || coalesce(fit_rules.rule_id, '(empty)')
    || ': priority must be given; inside a group the rule with the lowest one counts' as problem
from fit_rules
where fit_rules.priority is null

union all

select
    'seeds/scoring/fit_rules.csv, rule '
    || coalesce(fit_rules.rule_id, '(empty)')
    || ': attribute '
    || coalesce(fit_rules.attribute, '(empty)')
    || ' is no attribute of seeds/identity/profile_attributes.csv, and none of corporate_email, is_competitor,'
    || ' unsubscribed_<channel>' as problem
from fit_rules
where coalesce(fit_rules.attribute, '') not in (select profile_attributes.attribute from profile_attributes)
    and coalesce(fit_rules.attribute, '') not in (
        'corporate_email', 'is_competitor', 'unsubscribed_email', 'unsubscribed_sms', 'unsubscribed_phone', 'unsubscribed_wechat',
        'unsubscribed_app_push'
    )

union all

select
    'seeds/scoring/fit_rules.csv: the fit_group '
    || coalesce(fit_rules.fit_group, '(empty)')
    || ' looks at '
    || cast(count(distinct fit_rules.attribute) as varchar)
    || ' attributes; the one shown last would take the points of the other, so give each attribute a group of its own' as problem
from fit_rules
group by fit_rules.fit_group
having count(distinct fit_rules.attribute) > 1 or fit_rules.fit_group is null

union all

select
    'seeds/scoring/grades.csv: grade_part '
    || coalesce(grades.grade_part, '(empty)')
    || ' is none of fit, behaviour' as problem
from grades
where coalesce(grades.grade_part, '') not in (select grade_parts.grade_part from grade_parts)

union all

select
    'seeds/scoring/grades.csv: '
    || grades.grade_part
    || ' has '
    || cast(count(*) as varchar)
    || ' grades from '
    || cast(grades.min_points as varchar)
    || ' points on; keep one' as problem
from grades
group by grades.grade_part, grades.min_points
having count(*) > 1

union all

select
    'seeds/scoring/grades.csv: '
    || grade_parts.grade_part
    || ' needs a lowest grade, from -1000 points on, or somebody would have none' as problem
from grade_parts
left join grades
    on grade_parts.grade_part = grades.grade_part
group by grade_parts.grade_part
having coalesce(min(grades.min_points), 0) > -1000

union all

select
    'seeds/scoring/business_day.csv: it holds '
    || cast(count(*) as varchar)
    || ' rows; a company has one day, so keep one row' as problem
from business_day
having count(*) <> 1
