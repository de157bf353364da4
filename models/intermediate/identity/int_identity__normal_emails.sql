{#- Every e-mail address ever typed -> the mailbox that it stands for. Nearly all addresses are plain and pass untouched; the others
    are cleaned. What concerns the domain is decided once for each domain. -#}
{{ config(materialized='nightly', key='raw_email') }}
with

record_versions as (
    select * from {{ ref('int_identity__record_versions') }}
    where {{ is_changed('birth_order') }}
),

touch_keys as (
    select * from {{ ref('int_identity__touch_keys') }}
),

listed_addresses as (
    select {{ blank_to_null('identifier') }} as raw_email from {{ source('consent', 'suppression') }}
    where
        {{ is_landed_tonight() }}
        and identifier_type = 'email'
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

typo_endings as (
    select * from {{ ref('email_typo_endings') }}
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
    union
    select raw_email from listed_addresses
    where raw_email is not null
),

unknown as (
    select
        typed.raw_email,
        {{ regexp_matches('typed.raw_email', "'^[a-z0-9_+-]+([.][a-z0-9_+-]+)*@([a-z0-9-]+[.])+[a-z]{2,}$'") }} as is_plain
    from typed
    {%- if is_delta() %}
        left join {{ this }} as known
            on typed.raw_email = known.raw_email
        where known.raw_email is null
    {%- endif %}
),

-- half width, lower case, then no invisible characters
folded as (
    select
        unknown.raw_email,
        min({{ fold_characters('lower(unknown.raw_email)', ['width']) }}) as text
    from unknown
    cross join character_maps
    where not unknown.is_plain
    group by unknown.raw_email
),

visible as (
    select
        raw_email,
        {{ regexp_replace_all(
            regexp_replace_all('text', "'[\\x{00AD}\\x{200B}-\\x{200F}\\x{202A}-\\x{202E}\\x{2060}\\x{FEFF}]'", "''"),
            "'[\\s\\x{00A0}\\x{3000}]+'", "' '"
        ) }} as text
    from folded
),

-- 'ada (at) engine [dot] com', 'ada @ engine.com'
signed as (
    select
        raw_email,
        {{ regexp_replace_all(
            regexp_replace_all('text', "' ?(@|[(\\[{<] ?(at|@) ?[)\\]}>]) ?'", "'@'"),
            "' ?[(\\[{] ?(dot|punkt|[.]) ?[)\\]}] ?'", "'.'"
        ) }} as text
    from visible
),

-- 'ada@engine. com' and 'ada@gmail,com' are slips; 'Ada Lovelace <ada@x.com>' names one address in its brackets
unwrapped as (
    select
        raw_email,
        {{ regexp_replace_all(
            "coalesce(nullif(" ~ regexp_extract('text', "'<([^<>]*@[^<>]*)>'", 1) ~ ", ''), text)",
            "'(@[a-z0-9-]+) ?([.] |,)([a-z]{2,6})$'", "'\\1.\\3'"
        ) }} as text
    from signed
),

-- '"ada"@engine.com' is ada@engine.com
unquoted as (
    select
        raw_email,
        {{ regexp_replace_all('text', "'\"([^\"@ ]+)\"@'", "'\\1@'") }} as text
    from unwrapped
),

-- a display name, a scheme, a second address: the first thing that looks like an address counts
found as (
    select
        raw_email,
        {{ regexp_extract('text', "'[^\\s<>()\\[\\]\",;:@]+@[^\\s<>()\\[\\]\",;:@?/]+'") }} as text
    from unquoted
),

-- no address holds two dots in a row, or any at an end: a slip
cleaned as (
    select
        raw_email,
        {{ regexp_replace_all(
            regexp_replace_all(regexp_replace_all('text', "'^[''.]+'", "''"), "'[''.>]+$'", "''"), "'[.]{2,}'", "'.'"
        ) }} as text
    from found
),

addresses as (
    select
        raw_email,
        raw_email as text
    from unknown
    where is_plain
    union all
    select
        raw_email,
        text
    from cleaned
),

parts as (
    select
        raw_email,
        split_part(text, '@', 1) as typed_local,
        split_part(text, '@', 2) as typed_domain,
        strpos(text, '.@') > 0 or strpos(text, '''@') > 0 as has_odd_end,
        length(text) as address_length
    from addresses
    where strpos(text, '@') > 1
),

-- what follows is decided once for each domain
typed_domains as (
    select distinct typed_domain from parts
),

foreign_domains as (
    select
        typed_domain,
        {{ ascii_domain('typed_domain') }} as domain
    from typed_domains
    where {{ regexp_matches('typed_domain', "'[^ -~]'") }}
),

ascii_domains as (
    select
        typed_domain,
        typed_domain as domain
    from typed_domains
    where not {{ regexp_matches('typed_domain', "'[^ -~]'") }}
    union all
    select
        typed_domain,
        domain
    from foreign_domains
),

ended_domains as (
    select
        ascii_domains.typed_domain,
        case
            when typo_endings.ending is not null
                then left(ascii_domains.domain, cast(length(ascii_domains.domain) - length(typo_endings.typo_ending) as integer))
                    || typo_endings.ending
            else ascii_domains.domain
        end as domain
    from ascii_domains
    left join typo_endings
        on {{ regexp_extract('ascii_domains.domain', "'[^.]+$'") }} = typo_endings.typo_ending
            and strpos(ascii_domains.domain, '.') > 0
),

right_domains as (
    select
        ended_domains.typed_domain,
        coalesce(typo_domains.domain, ended_domains.domain) as domain,
        {{ regexp_replace_all('coalesce(typo_domains.domain, ended_domains.domain)', "'^[^.]+[.]'", "''") }} as parent_domain
    from ended_domains
    left join typo_domains
        on ended_domains.domain = typo_domains.typo_domain
),

any_provider as (
    select * from provider_rules
    where domain = '*'
),

ruled_domains as (
    select
        right_domains.typed_domain,
        right_domains.domain as mail_domain,
        coalesce(provider_rules.canonical_domain, user_domains.canonical_domain, right_domains.domain) as email_domain,
        coalesce(provider_rules.ignored_characters, '') as ignored_characters,
        case
            when provider_rules.domain is not null then provider_rules.tag_separator
            when user_domains.domain is not null then user_domains.tag_separator
            else any_provider.tag_separator
        end as tag_separator,
        case when user_domains.domain is not null then split_part(right_domains.domain, '.', 1) end as user_of_domain,
        right_domains.parent_domain
    from right_domains
    cross join any_provider
    left join provider_rules
        on right_domains.domain = provider_rules.domain
    left join provider_rules as user_domains
        on right_domains.parent_domain = user_domains.domain
            and user_domains.has_user_subdomain
    where {{ regexp_matches('right_domains.domain', "'^([a-z0-9_]([a-z0-9_-]*[a-z0-9])?[.])+([a-z]{2,}|xn--[a-z0-9-]*[a-z0-9])$'") }}
),

known_domains as (
    select
        ruled_domains.*,
        coalesce(disposable_domains.domain, disposable_parents.domain) is not null as is_disposable,
        free_mail_domains.domain is not null as is_free_mail,
        coalesce(free_mail_domains.kind = 'forwarder', false) as is_forwarder
    from ruled_domains
    left join free_mail_domains
        on ruled_domains.email_domain = free_mail_domains.domain
    left join disposable_domains
        on ruled_domains.email_domain = disposable_domains.domain
    left join disposable_domains as disposable_parents
        on ruled_domains.parent_domain = disposable_parents.domain
),

untagged as (
    select
        parts.raw_email,
        parts.typed_local,
        known_domains.mail_domain,
        known_domains.email_domain,
        known_domains.ignored_characters,
        known_domains.is_disposable,
        known_domains.is_free_mail,
        known_domains.is_forwarder,
        case
            when known_domains.user_of_domain is not null then known_domains.user_of_domain
            when strpos(parts.typed_local, known_domains.tag_separator) > 1
                then split_part(parts.typed_local, known_domains.tag_separator, 1)
            else parts.typed_local
        end as local_part
    from parts
    inner join known_domains
        on parts.typed_domain = known_domains.typed_domain
    where not parts.has_odd_end
        -- the limits of RFC 5321
        and parts.address_length <= 254
        and length(parts.typed_local) <= 64
),

canonical as (
    select
        raw_email,
        typed_local || '@' || mail_domain as mail_address,
        case
            when ignored_characters = '' then local_part
            else coalesce(nullif(translate(local_part, ignored_characters, ''), ''), local_part)
        end as local_part,
        email_domain,
        is_disposable,
        is_free_mail,
        is_forwarder
    from untagged
)

select
    canonical.raw_email,
    canonical.local_part || '@' || canonical.email_domain as email,
    canonical.mail_address,
    canonical.local_part,
    canonical.email_domain,
    canonical.is_disposable,
    role_mailboxes.local_part is not null as is_role,
    canonical.is_free_mail,
    canonical.is_forwarder,
    not canonical.is_disposable and not canonical.is_free_mail as is_corporate
from canonical
left join role_mailboxes
    on canonical.local_part = role_mailboxes.local_part
