{#- Host names as they stand in addresses and web sites -> the domain that somebody registered. -#}
with

normal_emails as (
    select * from {{ ref('int_identity__normal_emails') }}
),

crm_accounts as (
    select * from {{ ref('stg_crm__accounts') }}
),

interactions as (
    select * from {{ ref('stg_engagement__interactions') }}
),

public_suffixes as (
    select * from {{ ref('public_suffixes') }}
),

free_mail_domains as (
    select * from {{ ref('free_mail_domains') }}
),

disposable_domains as (
    select * from {{ ref('disposable_domains') }}
),

account_domains as (
    select * from {{ ref('account_domains') }}
),

typed as (
    select email_domain as raw_host from normal_emails
    union
    select website as raw_host from crm_accounts
    where website is not null
    union
    select company_domain as raw_host from interactions
    where company_domain is not null
),

hosts as (
    select
        raw_host,
        {{ regexp_replace_all("lower(trim(raw_host))", "'^[a-z]+://|[/?#:].*$|^www[.]|[.]$'", "''") }} as host
    from typed
),

bare_hosts as (
    select
        raw_host,
        {{ regexp_replace_all('host', "'^www[.]'", "''") }} as host
    from hosts
),

tails as (
    select
        raw_host,
        host,
        {{ regexp_extract('host', "'[^.]+[.][^.]+$'") }} as last_two,
        {{ regexp_extract('host', "'[^.]+[.][^.]+[.][^.]+$'") }} as last_three
    from bare_hosts
    where {{ regexp_matches('host', "'^([^.@ ]+[.])+[^.@ 0-9]{2,}$'") }}
),

registered as (
    select
        tails.raw_host,
        tails.host,
        case
            when public_suffixes.suffix is null then tails.last_two
            when tails.last_three <> '' then tails.last_three
        end as domain
    from tails
    left join public_suffixes
        on tails.last_two = public_suffixes.suffix
)

select
    registered.raw_host,
    coalesce(account_domains.of_domain, registered.domain) as domain,
    disposable_domains.domain is null and free_mail_domains.domain is null as is_corporate
from registered
left join free_mail_domains
    on registered.host = free_mail_domains.domain
left join disposable_domains
    on registered.host = disposable_domains.domain
left join account_domains
    on registered.domain = account_domains.domain
        and account_domains.relation = 'same'
where registered.domain is not null
