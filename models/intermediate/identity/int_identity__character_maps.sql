with

character_folds as (
    select * from {{ ref('character_folds') }}
)

select
    {%- for kind in ['width', 'digit', 'traditional', 'accent'] %}
        {{ text_agg("case when kind = '" ~ kind ~ "' then from_character end", '', 'from_character') }} as {{ kind }}_from,
        {{ text_agg("case when kind = '" ~ kind ~ "' then to_character end", '', 'from_character') }} as {{ kind }}_to,
    {%- endfor %}
    count(*) as fold_count
from character_folds
