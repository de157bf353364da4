{#-
    Profiles of groups of records, from a CTE `members` (cluster_id, record_id): of each attribute the value that most records of the
    group say, then the latest, then the first in the alphabet. Values are what people wrote, normalised; an address that is no address
    stays as text, since a slip in it is still evidence. Whether an address is guarded plays no part: a profile says what was said, and
    changes only when a record of its group does.
-#}
{% macro link_profiles_from_members() %}
record_versions as (
    select * from {{ ref('int_identity__record_versions') }}
),

normal_names as (
    select * from {{ ref('int_identity__normal_names') }}
),

normal_companies as (
    select * from {{ ref('int_identity__normal_companies') }}
),

normal_emails as (
    select * from {{ ref('int_identity__normal_emails') }}
),

normal_phones as (
    select * from {{ ref('int_identity__normal_phones') }}
),

character_maps as (
    select * from {{ ref('int_identity__character_maps') }}
),

name_titles as (
    select * from {{ ref('name_titles') }}
),

versions as (
    select
        members.cluster_id,
        record_versions.*
    from members
    inner join record_versions
        on members.record_id = record_versions.record_id
    where {{ 'true' if probable_links_are_on() else 'false' }}
),

{#- The parts of a name, as typed in one field or two; what stands behind a comma is the given name. #}
typed_names as (
    select distinct
        person_name,
        first_name,
        last_name
    from versions
    where person_name is not null
),

split_names as (
    select
        person_name,
        first_name,
        last_name,
        coalesce(
            first_name,
            case
                when last_name is not null then null
                when strpos(person_name, ',') > 0 then split_part(person_name, ',', 2)
                when strpos(person_name, ' ') > 0
                    then {{ regexp_replace_all('trim(person_name)', "'\\s+\\S+$'", "''") }}
                when {{ regexp_matches('person_name', "'^\\p{Han}{2,4}$'") }} then substr(person_name, 2)
            end
        ) as given_name,
        coalesce(
            last_name,
            case
                when first_name is not null then null
                when strpos(person_name, ',') > 0 then split_part(person_name, ',', 1)
                when strpos(person_name, ' ') > 0
                    then {{ regexp_extract('trim(person_name)', "'(\\S+)$'", 1) }}
                when {{ regexp_matches('person_name', "'^\\p{Han}{2,4}$'") }} then left(person_name, 1)
                else person_name
            end
        ) as family_name
    from typed_names
),

folded_names as (
    select
        split_names.person_name,
        split_names.first_name,
        split_names.last_name,
        {{ fold_characters('lower(split_names.given_name)', ['width', 'traditional', 'accent']) }} as given_name,
        {{ fold_characters('lower(split_names.family_name)', ['width', 'traditional', 'accent']) }} as family_name
    from split_names
    cross join character_maps
),

lettered_names as (
    select
        person_name,
        first_name,
        last_name,
        nullif(trim({{ regexp_replace_all('given_name', "'[^\\p{L}\\p{M}]+'", "' '") }}), '') as given_name,
        nullif(trim({{ regexp_replace_all('family_name', "'[^\\p{L}\\p{M}]+'", "' '") }}), '') as family_name
    from folded_names
),

names as (
    select
        lettered_names.person_name,
        lettered_names.first_name,
        lettered_names.last_name,
        case
            when name_titles.title is null then lettered_names.given_name
            else nullif(trim(substr(lettered_names.given_name, cast(length(name_titles.title) + 1 as integer))), '')
        end as given_name,
        lettered_names.family_name,
        normal_names.name_key,
        normal_names.reading_key
    from lettered_names
    left join name_titles
        on split_part(lettered_names.given_name, ' ', 1) = name_titles.title
    left join normal_names
        on lettered_names.person_name = normal_names.raw_name
),

said as (
    select
        versions.cluster_id,
        versions.record_id,
        versions.observed_at,
        names.given_name,
        names.family_name,
        names.name_key,
        names.reading_key,
        normal_companies.company_key,
        lower(versions.job_title) as job_title,
        lower(versions.city) as city,
        lower(versions.region) as region,
        coalesce(versions.country_code, upper(versions.country)) as country,
        lower(versions.postal_code) as postal_code,
        coalesce(normal_emails.mail_address, lower(versions.email)) as email,
        normal_phones.phone,
        {%- if 'birth_date' in person_columns() %}
        cast(versions.birth_date as varchar) as birth_date
        {%- else %}
        cast(null as varchar) as birth_date
        {%- endif %}
    from versions
    left join names
        on versions.person_name = names.person_name
            and coalesce(versions.first_name, '') = coalesce(names.first_name, '')
            and coalesce(versions.last_name, '') = coalesce(names.last_name, '')
    left join normal_companies
        on versions.company = normal_companies.raw_company
    left join normal_emails
        on versions.email = normal_emails.raw_email
    left join normal_phones
        on versions.phone = normal_phones.raw_phone
            and coalesce(versions.country_code, '') = normal_phones.country_code
),

{#- A name is taken as a whole; one with both of its parts before one with a single part. #}
counted_names as (
    select
        cluster_id,
        given_name,
        family_name,
        name_key,
        reading_key,
        count(distinct record_id) as record_count,
        max(observed_at) as last_observed_at
    from said
    where given_name is not null or family_name is not null
    group by cluster_id, given_name, family_name, name_key, reading_key
),

chosen_names as (
    select
        cluster_id,
        given_name,
        family_name,
        name_key,
        reading_key
    from counted_names
    qualify row_number() over (
        partition by cluster_id
        order by
            case when given_name is null or family_name is null then 1 else 0 end,
            record_count desc,
            last_observed_at desc nulls last,
            family_name nulls last,
            given_name nulls last,
            name_key nulls last,
            reading_key nulls last
    ) = 1
),

attributes as (
    {%- for attribute in link_profile_attributes() %}
        select
            cluster_id,
            record_id,
            observed_at,
            '{{ attribute }}' as attribute,
            {{ attribute }} as value
        from said
        where {{ attribute }} is not null
        {%- if not loop.last %}
        union all
        {%- endif %}
    {%- endfor %}
),

counted_attributes as (
    select
        cluster_id,
        attribute,
        value,
        count(distinct record_id) as record_count,
        max(observed_at) as last_observed_at
    from attributes
    group by cluster_id, attribute, value
),

chosen_attributes as (
    select
        cluster_id,
        attribute,
        value
    from counted_attributes
    qualify row_number() over (
        partition by cluster_id, attribute
        order by record_count desc, last_observed_at desc nulls last, value
    ) = 1
),

pivoted as (
    select
        {%- for attribute in link_profile_attributes() %}
            max(value) filter (where attribute = '{{ attribute }}') as {{ attribute }},
        {%- endfor %}
        cluster_id
    from chosen_attributes
    group by cluster_id
),

named as (
    select
        coalesce(pivoted.cluster_id, chosen_names.cluster_id) as cluster_id,
        chosen_names.given_name,
        chosen_names.family_name,
        chosen_names.name_key,
        chosen_names.reading_key,
        {%- for attribute in link_profile_attributes() %}
            pivoted.{{ attribute }}{{ ',' if not loop.last }}
        {%- endfor %}
    from pivoted
    full outer join chosen_names
        on pivoted.cluster_id = chosen_names.cluster_id
)

select
    cluster_id,
    given_name,
    family_name,
    name_key,
    reading_key,
    {%- for attribute in link_profile_attributes() %}
    {{ attribute }},
    {%- endfor %}
    nullif(split_part(email, '@', 1), '') as email_local,
    nullif(split_part(email, '@', 2), '') as email_domain
from named
where given_name is not null
    or family_name is not null
    or email is not null
    or phone is not null
    or birth_date is not null
{% endmacro %}
