with

commands as (
    select * from {{ source('ops', 'commands') }}
)

select
    command_id,
    command,
    options,
    os_user,
    outcome,
    exit_code,
    outcome = 'started' as is_open,
    started_at,
    ended_at
from commands
