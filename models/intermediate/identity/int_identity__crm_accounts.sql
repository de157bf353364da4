{#- The CRM's accounts after its own merges, and those that it only mentions. -#}
with

stg_accounts as (
    select * from {{ ref('stg_crm__accounts') }}
),

crm_merges as (
    select * from {{ ref('int_identity__crm_merges') }}
),

record_versions as (
    select * from {{ ref('int_identity__record_versions') }}
),

opportunities as (
    select * from {{ ref('stg_crm__opportunities') }}
),

orders as (
    select * from {{ ref('stg_crm__orders') }}
),

domains as (
    select * from {{ ref('int_identity__domains') }}
),

normal_companies as (
    select * from {{ ref('int_identity__normal_companies') }}
),

mentioned as (
    select
        source_system,
        account_id as crm_account_id
    from stg_accounts
    union
    select
        source_system,
        crm_account_id
    from record_versions
    union
    select
        source_system,
        account_id as crm_account_id
    from opportunities
    union
    select
        source_system,
        account_id as crm_account_id
    from orders
    union
    select
        source_system,
        parent_account_id as crm_account_id
    from stg_accounts
),

live as (
    select
        mentioned.source_system,
        mentioned.crm_account_id,
        coalesce(crm_merges.winner_id, mentioned.crm_account_id) as live_account_id
    from mentioned
    left join crm_merges
        on crm_merges.object_type = 'account'
            and mentioned.source_system = crm_merges.source_system
            and mentioned.crm_account_id = crm_merges.loser_id
    where {{ blank_to_null('mentioned.crm_account_id') }} is not null
)

select
    live.source_system,
    live.crm_account_id,
    live.live_account_id,
    {{ md5_text(["'crm'", 'live.source_system', 'live.live_account_id']) }} as account_id,
    {{ blank_to_null('accounts.name') }} as account_name,
    normal_companies.company_key,
    case when domains.is_corporate then domains.domain end as domain,
    {{ blank_to_null('accounts.industry') }} as industry,
    {{ blank_to_null('accounts.country') }} as country,
    {{ blank_to_null('accounts.region') }} as region,
    accounts.parent_account_id as crm_parent_account_id,
    accounts.employees,
    accounts.annual_revenue,
    live.crm_account_id = live.live_account_id as is_live,
    accounts.first_arrived_at
from live
left join stg_accounts as accounts
    on live.source_system = accounts.source_system
        and live.live_account_id = accounts.account_id
left join domains
    on accounts.website = domains.raw_host
left join normal_companies
    on {{ blank_to_null('accounts.name') }} = normal_companies.raw_company
