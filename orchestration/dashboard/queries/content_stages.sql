-- Content of the catalogue by the part of the journey that it is for.
select
    journey_stage,
    content_type,
    count(*) as content_count,
    count(*) filter (where touch_count > 0) as touched_count,
    sum(touch_count) as touch_count
from marts.dim_content
where is_in_catalogue
group by journey_stage, content_type
order by journey_stage, content_type
