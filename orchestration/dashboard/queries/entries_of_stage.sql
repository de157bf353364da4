-- Who entered a stage in the period, the newest first.
select person_id, stage_label, entered_at, signal, score_at_entry, channel
from marts.fct_lifecycle_transition
where
    track = 'acquisition'
    and stage = $stage
    and entered_at >= cast($from_month || '-01' as timestamp)
    and entered_at < cast($to_month || '-01' as timestamp) + interval 1 month
    and ($channel is null or channel = $channel)
    and ($region is null or region = $region)
    and ($industry is null or industry = $industry)
order by entered_at desc, transition_id
limit $row_limit
