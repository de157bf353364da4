with

rejections as (
    select * from {{ ref('int_scoring__rejections') }}
),

-- points of epoch k (earned after k rejections) are multiplied by every rejection from k + 1 on
spans as (
    select
        earlier.person_id,
        earlier.rejection_number - 1 as from_epoch,
        later.rejection_number as to_epoch,
        between_them.score_factor
    from rejections as earlier
    inner join rejections as later
        on
            earlier.person_id = later.person_id
            and earlier.rejection_number <= later.rejection_number
    inner join rejections as between_them
        on
            earlier.person_id = between_them.person_id
            and between_them.rejection_number between earlier.rejection_number and later.rejection_number
)

-- a factor of 0 has no logarithm, so it is asked for first
select
    person_id,
    from_epoch,
    to_epoch,
    case
        when min(score_factor) <= 0 then 0
        else exp(cast({{ exact_sum('ln(nullif(greatest(score_factor, 0), 0))') }} as double))
    end as factor
from spans
group by
    person_id,
    from_epoch,
    to_epoch
