with

review_pairs as (
    select * from {{ ref('int_identity__review_pairs') }}
),

persons as (
    select * from {{ ref('int_identity__persons') }}
)

select
    review_pairs.person_id_a,
    review_pairs.person_id_b,
    review_pairs.review_kind,
    review_pairs.link_rule,
    review_pairs.link_value,
    person_a.full_name as full_name_a,
    person_b.full_name as full_name_b,
    person_a.company as company_a,
    person_b.company as company_b,
    person_a.job_title as job_title_a,
    person_b.job_title as job_title_b,
    person_a.city as city_a,
    person_b.city as city_b,
    person_a.country as country_a,
    person_b.country as country_b,
    person_a.email as email_a,
    person_b.email as email_b,
    person_a.phone as phone_a,
    person_b.phone as phone_b,
    review_pairs.reason,
    review_pairs.model_version,
    'must_link,record,' || review_pairs.person_id_a || ',record,' || review_pairs.person_id_b || ',,,' as must_link_row,
    'cannot_link,record,' || review_pairs.person_id_a || ',record,' || review_pairs.person_id_b || ',,,' as cannot_link_row,
    review_pairs.link_count,
    review_pairs.match_weight,
    review_pairs.match_probability
from review_pairs
inner join persons as person_a
    on review_pairs.person_id_a = person_a.person_id
inner join persons as person_b
    on review_pairs.person_id_b = person_b.person_id
