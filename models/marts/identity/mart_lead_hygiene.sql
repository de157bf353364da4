with

record_findings as (
    select * from {{ ref('int_hygiene__record_findings') }}
),

person_findings as (
    select * from {{ ref('int_hygiene__person_findings') }}
),

hygiene_rules as (
    select * from {{ ref('hygiene_rules') }}
),

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
)

select
    record_findings.record_id,
    record_findings.person_id,
    record_findings.rule_id,
    hygiene_rules.action,
    record_persons.source_table,
    record_persons.source_system,
    person_findings.is_person_out,
    record_persons.observed_at
from record_findings
inner join hygiene_rules
    on record_findings.rule_id = hygiene_rules.rule_id
inner join person_findings
    on record_findings.person_id = person_findings.person_id
inner join record_persons
    on record_findings.record_id = record_persons.record_id
