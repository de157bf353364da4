-- Names and addresses of some persons; reads the people file.
select person_id, full_name, company, job_title, email, phone, stage, grade, score_display
from marts.dim_person
where person_id in (select unnest($person_ids))
order by person_id
