with

record_findings as (
    select * from {{ ref('int_hygiene__record_findings') }}
),

hygiene_rules as (
    select * from {{ ref('hygiene_rules') }}
),

judged_records as (
    select
        record_findings.person_id,
        record_findings.record_id,
        coalesce(bool_or(record_findings.rule_id = 'test'), false) as is_test,
        coalesce(bool_or(record_findings.rule_id = 'competitor'), false) as is_competitor,
        coalesce(bool_or(hygiene_rules.is_cleaned_out), false) as is_cleaned_out
    from record_findings
    left join hygiene_rules
        on record_findings.rule_id = hygiene_rules.rule_id
    group by record_findings.person_id, record_findings.record_id
)

select
    person_id,
    count(*) as record_count,
    bool_and(is_test) as is_test,
    bool_or(is_competitor) as is_competitor,
    bool_and(is_cleaned_out) as is_person_out
from judged_records
group by person_id
