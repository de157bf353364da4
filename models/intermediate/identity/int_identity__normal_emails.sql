with

record_versions as (
    select * from {{ ref('int_identity__record_versions') }}
),

touch_keys as (
    select * from {{ ref('int_identity__touch_keys') }}
),

character_maps as (
    select * from {{ ref('int_identity__character_maps') }}
),

provider_rules as (
    select * from {{ ref('email_provider_rules') }}
),

typo_domains as (
    select * from {{ ref('email_typo_domains') }}
),

free_mail_domains as (
    select * from {{ ref('free_mail_domains') }}
),

disposable_domains as (
    select * from {{ ref('disposable_domains') }}
),

role_mailboxes as (
    select * from {{ ref('role_mailboxes') }}
),

typed as (
    select email as raw_email from record_versions
    where email is not null
    union
    select email as raw_email from touch_keys
    where email is not null
),

folded as (
    select
        typed.raw_email,
        trim({{ fold_characters('lower(typed.raw_email)', ['width']) }}) as text
    from typed
    cross join character_maps
),

-- 'Ada Lovelace <ada@x.com>' names one address in its brackets
unwrapped as (
    select
        raw_email,
        coalesce(nullif({{ regexp_extract('text', "'<([^<>]*)>'", 1) }}, ''), text) as text
    from folded
),

-- two addresses in one field: the first one counts
first_address as (
    select
        raw_email,
        split_part(split_part(split_part(text, ';', 1), ',', 1), ' ', 1) as text
    from unwrapped
),

-- no address holds two dots in a row: a slip
bare as (
    select
        raw_email,
        {{ regexp_replace_all(
            regexp_replace_all(regexp_replace_all('text', "'^(mailto:)?[\"''.<(]*'", "''"), "'[\"''.>)]+$'", "''"), "'[.]{2,}'", "'.'"
        ) }} as text
    from first_address
),

parts as (
    select
        raw_email,
        split_part(text, '@', 1) as typed_local,
        split_part(text, '@', 2) as typed_domain
    from bare
    where {{ regexp_matches('text', "'^[^@\\s\"<>(),;:]+@([^@\\s\".<>(),;:]+[.])+[^@\\s\".<>(),;:0-9]{2,}$'") }}
        and length(text) <= 254
        and strpos(text, '.@') = 0
        and strpos(text, '''@') = 0
),

right_domains as (
    select
        parts.raw_email,
        parts.typed_local,
        coalesce(typo_domains.domain, parts.typed_domain) as typed_domain
    from parts
    left join typo_domains
        on parts.typed_domain = typo_domains.typo_domain
),

any_provider as (
    select * from provider_rules
    where domain = '*'
),

ruled as (
    select
        right_domains.raw_email,
        right_domains.typed_local,
        right_domains.typed_domain,
        coalesce(provider_rules.canonical_domain, right_domains.typed_domain) as email_domain,
        coalesce(provider_rules.has_ignored_dots, any_provider.has_ignored_dots) as has_ignored_dots,
        case
            when provider_rules.domain is not null then provider_rules.tag_separator
            else any_provider.tag_separator
        end as tag_separator
    from right_domains
    cross join any_provider
    left join provider_rules
        on right_domains.typed_domain = provider_rules.domain
),

untagged as (
    select
        *,
        coalesce(nullif(split_part(typed_local, tag_separator, 1), ''), typed_local) as local_part
    from ruled
),

canonical as (
    select
        raw_email,
        typed_local || '@' || typed_domain as mail_address,
        case when has_ignored_dots then replace(local_part, '.', '') else local_part end as local_part,
        email_domain
    from untagged
)

select
    canonical.raw_email,
    canonical.local_part || '@' || canonical.email_domain as email,
    canonical.mail_address,
    canonical.local_part,
    canonical.email_domain,
    disposable_domains.domain is not null as is_disposable,
    role_mailboxes.local_part is not null as is_role,
    free_mail_domains.domain is not null as is_free_mail,
    disposable_domains.domain is null and free_mail_domains.domain is null as is_corporate
from canonical
left join disposable_domains
    on canonical.email_domain = disposable_domains.domain
left join role_mailboxes
    on canonical.local_part = role_mailboxes.local_part
left join free_mail_domains
    on canonical.email_domain = free_mail_domains.domain
