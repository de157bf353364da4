{#- Warns, with the reason, when scoring failed and the night went on with the exact links alone (see orchestration/transform/assets). -#}
{% test probable_links_were_scored(model) %}

{{ config(severity='warn') }}

select told.reason
from (
    select '{{ var("identity_probable_links_failed", "") | replace("'", "''") }}' as reason
) as told
where told.reason <> ''
    and (select count(*) from {{ model }}) >= 0

{% endtest %}
