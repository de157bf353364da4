{{ config(meta={'dagster': {'ref': {'name': 'routes'}}}) }}
-- Each row is a rule of seeds/routing that would leave an assignment without a limit, an owner or a clock, with what to mend.
with

routes as (
    select * from {{ ref('routes') }}
),

handovers as (
    select * from {{ ref('handovers') }}
),

response_slas as (
    select * from {{ ref('response_slas') }}
),

owner_rules as (
    select * from {{ ref('owner_rules') }}
),

calendars as (
    select * from {{ ref('calendars') }}
),

region_calendars as (
    select * from {{ ref('region_calendars') }}
),

working_hours as (
    select * from {{ ref('working_hours') }}
),

response_buckets as (
    select * from {{ ref('response_buckets') }}
),

known_routes as (
    select
        route,
        assign_to
    from routes
    union
    select
        route,
        assign_to
    from handovers
    where route is not null and not is_to_pool
),

unknown_routes as (
    select
        'response_slas.csv' as seed,
        response_slas.route as word,
        'no route and no handover has this name' as problem
    from response_slas
    left join known_routes
        on response_slas.route = known_routes.route
    where known_routes.route is null
),

without_limit as (
    select distinct
        'response_slas.csv' as seed,
        known_routes.route || ' to ' || known_routes.assign_to as word,
        'this route has no row for its team and none for *' as problem
    from known_routes
    left join response_slas
        on
            known_routes.route = response_slas.route
            and response_slas.assign_to in (known_routes.assign_to, '*')
    where response_slas.route is null
),

without_queue as (
    select distinct
        'owner_rules.csv' as seed,
        known_routes.assign_to as word,
        'this team has no rule without conditions at the end' as problem
    from known_routes
    left join owner_rules
        on
            owner_rules.assign_to in (known_routes.assign_to, '*')
            and owner_rules.owner_source = 'fixed'
            and owner_rules.owner_id is not null
            and coalesce(owner_rules.account_domain, owner_rules.region, owner_rules.industry, owner_rules.company_size) is null
            and owner_rules.is_customer_account is null
            and coalesce(owner_rules.valid_from, owner_rules.valid_to) is null
    where owner_rules.priority is null
),

nameless_owners as (
    select
        'owner_rules.csv' as seed,
        cast(priority as varchar) as word,
        'a fixed rule names its owner' as problem
    from owner_rules
    where owner_source = 'fixed' and owner_id is null
),

-- an aggregate has its row even when the seed has none
without_default_calendar as (
    select
        'region_calendars.csv' as seed,
        '*' as word,
        'regions without a row of their own need the row *' as problem
    from region_calendars
    having count(case when region = '*' then 1 end) = 0
),

without_hours as (
    select
        'working_hours.csv' as seed,
        calendars.calendar as word,
        'nobody ever works by this calendar' as problem
    from calendars
    left join working_hours
        on calendars.calendar = working_hours.calendar
    where working_hours.calendar is null
),

ordered_hours as (
    select
        *,
        lead(opens_hour) over (partition by calendar, iso_day_of_week order by opens_hour) as next_opens_hour
    from working_hours
),

wrong_hours as (
    select
        'working_hours.csv' as seed,
        calendar || ' on day ' || cast(iso_day_of_week as varchar) as word,
        'a stretch ends after it begins, within the day, and before the next one' as problem
    from ordered_hours
    where
        opens_hour < 0
        or closes_hour > 24
        or opens_hour >= closes_hour
        or closes_hour > next_opens_hour
        or iso_day_of_week not between 1 and 7
),

without_first_bucket as (
    select
        'response_buckets.csv' as seed,
        '0' as word,
        'the first bucket begins at 0' as problem
    from response_buckets
    having coalesce(min(min_hours), 1) <> 0
)

select * from unknown_routes
union all
select * from without_limit
union all
select * from without_queue
union all
select * from nameless_owners
union all
select * from without_default_calendar
union all
select * from without_hours
union all
select * from wrong_hours
union all
select * from without_first_bucket
