{#-
    One end of Wilson's interval for a share (Wilson, 1927): it stays between 0 and 1 and holds for few cases and for shares near the ends.

    successes, trials: counts; null when there are no trials.
    z: normal quantile of the wanted confidence, from seeds/targets/confidence_levels.csv.
    side: -1 for the lower end, 1 for the upper.
-#}
{% macro wilson_bound(successes, trials, z, side) -%}
    case
        when {{ trials }} > 0 then
            round(greatest(0.0, least(1.0,
                (
                    cast({{ successes }} as double) / {{ trials }} + {{ z }} * {{ z }} / (2.0 * {{ trials }})
                    + {{ side }} * {{ z }} * sqrt(
                        (
                            cast({{ successes }} as double) / {{ trials }} * (1 - cast({{ successes }} as double) / {{ trials }})
                            + {{ z }} * {{ z }} / (4.0 * {{ trials }})
                        ) / {{ trials }}
                    )
                ) / (1 + {{ z }} * {{ z }} / {{ trials }})
            )), 9)
    end
{%- endmacro %}
