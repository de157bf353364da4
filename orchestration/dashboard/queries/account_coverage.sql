-- How many accounts we know, reach and miss in each buying role.
select
    role,
    any_value(role_label_en) as role_label_en,
    any_value(role_label_zh) as role_label_zh,
    coverage,
    count(*) as account_count
from marts.mart_account_coverage
where not $targets_only or is_target_account
group by role, coverage
order by role, coverage
