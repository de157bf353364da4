with

record_findings as (
    select * from {{ ref('int_hygiene__record_findings') }}
),

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
),

hygiene_rules as (
    select * from {{ ref('hygiene_rules') }}
),

judged_records as (
    select
        record_findings.person_id,
        record_findings.record_id,
        min(record_persons.birth_order) as birth_order,
        coalesce(bool_or(record_findings.rule_id = 'test'), false) as is_test,
        coalesce(bool_or(record_findings.rule_id = 'competitor'), false) as is_competitor,
        coalesce(bool_or(hygiene_rules.is_cleaned_out), false) as is_cleaned_out
    from record_findings
    inner join record_persons
        on record_findings.record_id = record_persons.record_id
    left join hygiene_rules
        on record_findings.rule_id = hygiene_rules.rule_id
    group by record_findings.person_id, record_findings.record_id
)

select
    person_id,
    count(*) as record_count,
    bool_and(is_test) as is_test,
    bool_or(is_competitor) as is_competitor,
    min_by(record_id, birth_order) filter (where is_competitor) as competitor_record_id,
    bool_and(is_cleaned_out) as is_person_out
from judged_records
group by person_id
