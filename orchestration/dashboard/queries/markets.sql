-- Which region or industry is ripe, and whether its funnel is enough.
select
    segment_value,
    lead_count,
    account_count,
    opening_threshold,
    readiness,
    is_ripe,
    expected_amount,
    target_amount,
    target_coverage,
    is_funnel_enough,
    market_amount_per_year,
    reporting_currency
from marts.mart_market_segment
where segment_type = $dimension
order by lead_count desc, segment_value
