with

profile_history as (
    select * from {{ ref('int_identity__profile_history') }}
),

person_identifiers as (
    select * from {{ ref('int_identity__person_identifiers') }}
),

persons as (
    select * from {{ ref('int_identity__persons') }}
),

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
),

person_findings as (
    select * from {{ ref('int_hygiene__person_findings') }}
),

consents as (
    select * from {{ ref('stg_consent__events') }}
),

consent_actions as (
    select
        action,
        case effect when 'withdrawal' then 1 else 0 end as is_off
    from {{ ref('consent_actions') }}
    where effect = 'grant' or reason = 'unsubscribed'
),

rules as (
    select * from {{ ref('fit_rules') }}
),

-- what each address of a person said of a channel, and what it had said before; of one instant the no counts
consent_steps as (
    select
        record_persons.person_id,
        consents.channel,
        consents.occurred_at,
        consents.record_id,
        consent_actions.is_off,
        coalesce(
            lag(consent_actions.is_off) over (
                partition by
                    record_persons.person_id, consents.channel, consents.purpose, lower(consents.email), consents.phone,
                    consents.wechat_openid, consents.external_id
                order by consents.occurred_at asc, consent_actions.is_off asc, consents.record_id asc
            ), 0
        ) as was_off
    from consents
    inner join record_persons
        on consents.record_id = record_persons.record_id
    inner join consent_actions
        on consents.action = consent_actions.action
),

consent_changes as (
    select
        person_id,
        channel,
        occurred_at,
        sum(is_off - was_off) as addresses_off,
        min(record_id) as record_id
    from consent_steps
    where is_off <> was_off
    group by
        person_id,
        channel,
        occurred_at
),

-- somebody has unsubscribed while one of the addresses has; only a later yes of that address lifts it
unsubscribed as (
    select
        person_id,
        'unsubscribed_' || channel as attribute,
        case
            when sum(addresses_off) over (
                    partition by person_id, channel order by occurred_at
                    rows between unbounded preceding and current row
                ) > 0 then 'true'
        end as value,
        occurred_at as valid_from,
        record_id
    from consent_changes
),

-- the first of somebody's company mailboxes
corporate_mailboxes as (
    select
        person_id,
        first_seen_at,
        first_record_id
    from person_identifiers
    where is_corporate_email
    qualify row_number() over (partition by person_id order by first_seen_at, first_record_id) = 1
),

-- facts about a person that no single column holds
derived_attributes as (
    select
        person_id,
        'corporate_email' as attribute,
        'true' as value,
        first_seen_at as valid_from,
        first_record_id as record_id
    from corporate_mailboxes

    union all

    select
        persons.person_id,
        'is_competitor' as attribute,
        'true' as value,
        coalesce(persons.identified_at, persons.first_seen_at) as valid_from,
        person_findings.competitor_record_id as record_id
    from persons
    inner join person_findings
        on persons.person_id = person_findings.person_id
    where person_findings.is_competitor

    union all

    select
        person_id,
        attribute,
        value,
        valid_from,
        record_id
    from unsubscribed
),

attribute_values as (
    select
        person_id,
        attribute,
        value,
        valid_from,
        record_id
    from profile_history
    where attribute in (select rules.attribute from rules)

    union all

    select
        person_id,
        attribute,
        value,
        valid_from,
        record_id
    from derived_attributes
),

groups as (
    select distinct
        fit_group,
        attribute
    from rules
),

distinct_values as (
    select distinct
        attribute,
        value
    from attribute_values
),

-- every rule is tried once per distinct value, not once per person
value_rules as (
    select
        distinct_values.attribute,
        distinct_values.value,
        rules.fit_group,
        rules.rule_id,
        cast(rules.points as double) as points,
        rules.priority,
        rules.valid_from as rule_valid_from,
        rules.valid_to as rule_valid_to,
        rules.why
    from distinct_values
    inner join rules
        on distinct_values.attribute = rules.attribute
    where
        case rules.match_kind
            when 'present' then true
            when 'equals' then lower(distinct_values.value) = lower(rules.pattern)
            when 'in_list' then position('|' || lower(distinct_values.value) || '|' in '|' || lower(rules.pattern) || '|') > 0
            when 'regex' then {{ regexp_matches('distinct_values.value', 'rules.pattern') }}
            else false
        end
),

-- one row per value that a person showed and per group that looks at this attribute, with the first rule that fits
scored_values as (
    select
        attribute_values.person_id,
        groups.fit_group,
        attribute_values.valid_from as occurred_at,
        attribute_values.value,
        attribute_values.record_id,
        value_rules.rule_id,
        coalesce(value_rules.points, 0) as points,
        value_rules.why
    from attribute_values
    inner join groups
        on attribute_values.attribute = groups.attribute
    left join value_rules
        on
            attribute_values.attribute = value_rules.attribute
            and attribute_values.value = value_rules.value
            and groups.fit_group = value_rules.fit_group
            and (value_rules.rule_valid_from is null or attribute_values.valid_from >= value_rules.rule_valid_from)
            and (value_rules.rule_valid_to is null or attribute_values.valid_from < value_rules.rule_valid_to)
    qualify row_number() over (
            partition by attribute_values.person_id, groups.fit_group, attribute_values.valid_from
            order by value_rules.priority asc nulls last, value_rules.rule_id asc nulls last, attribute_values.value asc
        ) = 1
),

differences as (
    select
        *,
        points - coalesce(
            lag(points) over (partition by person_id, fit_group order by occurred_at), 0
        ) as added_points,
        lag(rule_id) over (partition by person_id, fit_group order by occurred_at) as previous_rule_id
    from scored_values
)

select
    person_id,
    occurred_at,
    fit_group,
    coalesce(rule_id, previous_rule_id) as rule_id,
    added_points as points,
    record_id,
    coalesce(why, 'No longer holds') as why
from differences
where added_points <> 0
