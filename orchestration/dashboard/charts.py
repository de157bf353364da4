"""Every chart, as Altair; the dashboard and the nightly report draw the same ones.

A chart gets rows as a query gave them and the words of one language. It has no title: the heading beside it says what is asked. Colours
come from `palette`, stages keep their order, and everything has a tooltip. Names are given, never counted up, so that the same rows make
the same specification.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import altair as alt
import pandas as pd

from orchestration.dashboard.palette import BAD, CARE, FIGURES, GOOD, MAIN, QUIET, SERIES
from orchestration.dashboard.words import Words

# `alt.Chart` or `alt.LayerChart`; following altair's annotations costs the type checker more than they tell.
Chart: TypeAlias = Any

STAGE_CLICK = "stage_click"
_BAR_STEP = 30
# Of bars whose names stand above them.
_LABELLED_STEP = 42
_LINE_HEIGHT = 300
_LABEL_LIMIT = 180


def stages_of(rows: pd.DataFrame, words: Words) -> alt.Scale:
    """Return the colour scale of the stages that occur, in their order."""
    present = set(rows["stage_label"])
    kept = [stage for stage in words.stages if stage.label in present]
    return alt.Scale(domain=[stage.label for stage in kept], range=[stage.colour for stage in kept])


def with_stage(rows: pd.DataFrame, words: Words, column: str = "stage") -> pd.DataFrame:
    """Return the rows with the stage's name as ``stage_label``."""
    return rows.assign(stage_label=[words.stage(stage) for stage in rows[column]])


def stage_bars(rows: pd.DataFrame, words: Words, value: str, table: str, extra: Sequence[str] = ()) -> Chart:
    """Return one bar per stage, from the first to the last.

    Parameters
    ----------
    rows
        ``stage`` and the numbers, one row per stage, in order.
    words
        The language.
    value
        Column with the length of the bar.
    table
        Mart that the columns are of.
    extra
        More columns for the tooltip.
    """
    rows = with_stage(rows, words)
    order = list(rows["stage_label"])
    base = alt.Chart(rows).encode(
        y=alt.Y("stage_label:N", sort=order, title=None, axis=_names_axis()),
        x=alt.X(f"{value}:Q", title=None, axis=None),
        tooltip=[
            alt.Tooltip("stage_label:N", title=words("stage")),
            *(_tooltip(words, table, column) for column in (value, *extra)),
        ],
    )
    bars = base.mark_bar(cornerRadiusEnd=3, height={"band": 0.72}).encode(
        color=alt.Color("stage_label:N", scale=stages_of(rows, words), legend=None)
    )
    figures = base.mark_text(align="left", dx=6, color=FIGURES, fontSize=12).encode(
        text=alt.Text(f"{value}:Q", format=",.0f")
    )
    return (bars + figures).properties(height=alt.Step(_BAR_STEP))


def funnel_bars(rows: pd.DataFrame, words: Words) -> Chart:
    """Return how many entered each stage and, lighter, how many passed over it; a click chooses a stage.

    Parameters
    ----------
    rows
        ``stage``, ``entered_count``, ``passed_count``, ``reached_count``, one row per stage, in order.
    words
        The language.
    """
    rows = with_stage(rows, words)
    order = list(rows["stage_label"])
    click = alt.selection_point(name=STAGE_CLICK, fields=["stage"], on="click", clear="dblclick")
    table = "mart_funnel_volume"
    base = alt.Chart(rows).encode(
        y=alt.Y("stage_label:N", sort=order, title=None, axis=_names_axis()),
        tooltip=[
            alt.Tooltip("stage_label:N", title=words("stage")),
            _tooltip(words, table, "entered_count"),
            _tooltip(words, table, "passed_count"),
            alt.Tooltip("reached_count:Q", title=words("reached"), format=",.0f"),
        ],
    )
    colour = alt.Color("stage_label:N", scale=stages_of(rows, words), legend=None)
    passed = base.mark_bar(height={"band": 0.72}, opacity=0.32, cornerRadiusEnd=3).encode(
        x=alt.X("reached_count:Q", title=None, axis=None), color=colour
    )
    entered = (
        base.mark_bar(height={"band": 0.72}, cornerRadiusEnd=3, cursor="pointer")
        .encode(
            x=alt.X("entered_count:Q"),
            color=colour,
            opacity=alt.condition(click, alt.value(1.0), alt.value(0.35)),
        )
        .add_params(click)
    )
    told = "format(datum.entered_count, ',.0f') + (datum.passed_count > 0 ? ' + ' + format(datum.passed_count, ',.0f') : '')"
    figures = (
        base.transform_calculate(figures=told)
        .mark_text(align="left", dx=6, color=FIGURES, fontSize=12)
        .encode(x=alt.X("reached_count:Q"), text="figures:N")
    )
    return (passed + entered + figures).properties(height=alt.Step(_BAR_STEP))


def entries_by_month(rows: pd.DataFrame, words: Words, value: str = "entered_count") -> Chart:
    """Return one line per stage: how many came in each month.

    Parameters
    ----------
    rows
        ``month_starts_on``, ``stage`` and the value.
    words
        The language.
    value
        Column on the Y axis.
    """
    rows = with_stage(rows, words)
    base = alt.Chart(rows).encode(
        x=_months(words),
        y=alt.Y(f"{value}:Q", title=words.label("mart_funnel_volume", value), axis=alt.Axis(tickMinStep=1)),
        color=alt.Color("stage_label:N", scale=stages_of(rows, words), title=None, legend=_legend(columns=2)),
        tooltip=[
            _month_tooltip(words),
            alt.Tooltip("stage_label:N", title=words("stage")),
            _tooltip(words, "mart_funnel_volume", value),
        ],
    )
    return (base.mark_line(strokeWidth=2.2) + base.mark_point(filled=True, size=46, opacity=1)).properties(
        height=_LINE_HEIGHT
    )


def small_stock(rows: pd.DataFrame, words: Words, colour: str) -> Chart:
    """Return one stage's stock over the months, small and without a scale of its own.

    Parameters
    ----------
    rows
        ``month_starts_on``, ``closing_count`` and moves of one stage.
    words
        The language.
    colour
        The stage's.
    """
    table = "mart_funnel_volume"
    base = alt.Chart(rows).encode(
        x=_months(words, axis=alt.Axis(format=words.month_axis, title=None, tickCount=3, grid=False, labelFlush=True)),
        y=alt.Y("closing_count:Q", title=None, axis=_amounts(words, 2)),
        tooltip=[
            _month_tooltip(words),
            *(_tooltip(words, table, column) for column in ("closing_count", "entered_count", "exited_count")),
        ],
    )
    area = base.mark_area(color=colour, opacity=0.18, line={"color": colour, "strokeWidth": 2})
    # The wide, unseen points give the tooltip something to hit.
    return (area + base.mark_point(size=220, opacity=0)).properties(height=110)


def step_rates(rows: pd.DataFrame, words: Words) -> Chart:
    """Return the share that went on from each stage to the next.

    Parameters
    ----------
    rows
        ``step``, ``from_stage``, ``conversion_rate``, ``mature_count``, ``converted_count``, ``open_share``, in order.
    words
        The language.
    """
    rows = with_stage(rows, words, "from_stage")
    table = "mart_funnel_conversion"
    base = alt.Chart(rows).encode(
        y=alt.Y("step:N", sort=list(rows["step"]), title=None, axis=_names_axis()),
        x=alt.X("conversion_rate:Q", title=None, axis=None, scale=alt.Scale(domain=[0, 1.12])),
        tooltip=[
            alt.Tooltip("step:N", title=words("step")),
            _tooltip(words, table, "conversion_rate"),
            alt.Tooltip("mature_count:Q", title=words.label(table, "cohort_count"), format=",.0f"),
            _tooltip(words, table, "converted_count"),
            _tooltip(words, table, "open_share"),
        ],
    )
    whole = base.mark_bar(height={"band": 0.72}, color=QUIET, opacity=0.16).encode(x=alt.XDatum(1, axis=None))
    bars = base.mark_bar(cornerRadiusEnd=3, height={"band": 0.72}).encode(
        color=alt.Color("stage_label:N", scale=stages_of(rows, words), legend=None)
    )
    figures = base.mark_text(align="left", dx=6, fontSize=12).encode(text=alt.Text("conversion_rate:Q", format=".0%"))
    figures = figures.encode(color=alt.value(FIGURES))
    return (whole + bars + figures).properties(height=alt.Step(_BAR_STEP))


def rate_trend(rows: pd.DataFrame, words: Words, colour: str) -> Chart:
    """Return one step's rate by the month of the cohort, with the open share of months that are not over.

    Parameters
    ----------
    rows
        Of the query ``conversion_trend``.
    words
        The language.
    colour
        Of the stage that was reached.
    """
    table = "mart_funnel_conversion"
    rows = rows.rename(columns={"cohort_month_starts_on": "month_starts_on"})
    tooltips = [
        _month_tooltip(words),
        *(
            _tooltip(words, table, column)
            for column in ("conversion_rate", "cohort_count", "converted_count", "open_share")
        ),
    ]
    base = alt.Chart(rows).encode(x=_months(words), tooltip=tooltips)
    waiting = base.mark_bar(opacity=0.22, color=QUIET, width={"band": 0.6}).encode(
        y=alt.Y(
            "open_share:Q", title=words("rate_and_open"), axis=alt.Axis(format=".0%"), scale=alt.Scale(domain=[0, 1])
        )
    )
    line = base.mark_line(strokeWidth=2.2, color=colour).encode(y="conversion_rate:Q")
    points = base.mark_point(filled=True, size=46, opacity=1, color=colour).encode(y="conversion_rate:Q")
    return (waiting + line + points).properties(height=_LINE_HEIGHT)


def named_bars(
    rows: pd.DataFrame,
    words: Words,
    name: str,
    value: str,
    table: str,
    *,
    style: str = ",.0f",
    colour: str = MAIN,
    extra: Sequence[str] = (),
) -> Chart:
    """Return one bar per name, in the order of the rows.

    Parameters
    ----------
    rows
        One per name.
    words
        The language.
    name
        Column with what the bar is called, in the reader's language.
    value
        Column with its length.
    table
        Mart that the columns are of.
    style
        How the figure is written, in d3's notation.
    colour
        Of all bars.
    extra
        More columns for the tooltip.
    """
    base = alt.Chart(rows).encode(
        y=alt.Y(f"{name}:N", sort=list(rows[name]), title=None, axis=_names_axis()),
        x=alt.X(f"{value}:Q", title=None, axis=None),
        tooltip=[
            alt.Tooltip(f"{name}:N", title=" "),
            *(_tooltip(words, table, column) for column in (value, *extra)),
        ],
    )
    bars = base.mark_bar(cornerRadiusEnd=3, height={"band": 0.72}, color=colour)
    figures = base.mark_text(align="left", dx=6, color=FIGURES, fontSize=12).encode(
        text=alt.Text(f"{value}:Q", format=style)
    )
    return (bars + figures).properties(height=alt.Step(_BAR_STEP))


def velocity_lines(rows: pd.DataFrame, words: Words, measure: str) -> Chart:
    """Return days on Y and months on X, one line per transition in the colour of the stage that is left.

    A hollow point stands on few cases; the dashed line is the target, where there is one.

    Parameters
    ----------
    rows
        Of the query ``velocity_months``, with ``step``.
    words
        The language.
    measure
        ``mean_days`` or ``median_days``.
    """
    table = "mart_stage_velocity"
    rows = with_stage(rows, words, "from_stage")
    known = rows.drop_duplicates("step").sort_values(["from_stage_rank", "step"], na_position="first")
    steps = list(known["step"])
    colours = [_stage_colour(words, stage) for stage in known["from_stage"]]
    base = alt.Chart(rows).encode(
        x=_months(words),
        y=alt.Y(f"{measure}:Q", title=words.label(table, measure), axis=alt.Axis(format=",.0f")),
        color=alt.Color("step:N", scale=alt.Scale(domain=steps, range=colours), title=None, legend=_legend(columns=1)),
        tooltip=[
            _month_tooltip(words),
            alt.Tooltip("step:N", title=words("step")),
            *(
                _tooltip(words, table, column)
                for column in ("mean_days", "median_days", "p90_days", "n", "open_share", "target_days")
            ),
        ],
    )
    line = base.mark_line(strokeWidth=2.2)
    firm = base.transform_filter("!datum.is_small_sample").mark_point(filled=True, size=50, opacity=1)
    few = base.transform_filter("datum.is_small_sample").mark_point(size=36, opacity=0.9)
    target = (
        base.transform_filter("isValid(datum.target_days)")
        .mark_line(strokeDash=[4, 4], strokeWidth=1.2, opacity=0.7)
        .encode(y="target_days:Q")
    )
    return (line + target + firm + few).properties(height=340)


def move_matrix(rows: pd.DataFrame, words: Words) -> Chart:
    """Return from where (rows) to where (columns) people move, darker for more of the moves out of a stage.

    Parameters
    ----------
    rows
        Of the query ``stage_matrix``.
    words
        The language.
    """
    table = "mart_stage_matrix"
    rows = rows.assign(
        from_label=[words.stage(stage) for stage in rows["from_stage"]],
        to_label=[words.stage(stage) for stage in rows["to_stage"]],
    )
    order = [stage.label for stage in words.stages]
    base = alt.Chart(rows).encode(
        x=alt.X(
            "to_label:N",
            sort=order,
            title=words("to"),
            axis=alt.Axis(orient="top", labelAngle=-40, grid=False, labelOverlap=False),
        ),
        y=alt.Y(
            "from_label:N",
            sort=order,
            title=words("from"),
            axis=alt.Axis(grid=False, labelLimit=_LABEL_LIMIT, titleAngle=0),
        ),
        tooltip=[
            alt.Tooltip("from_label:N", title=words("from")),
            alt.Tooltip("to_label:N", title=words("to")),
            *(_tooltip(words, table, column) for column in ("n", "share_of_moves")),
        ],
    )
    cells = base.mark_rect(cornerRadius=3).encode(
        color=alt.condition("datum.from_stage_rank > datum.to_stage_rank", alt.value(CARE), alt.value(MAIN)),
        opacity=alt.Opacity("share_of_moves:Q", legend=None, scale=alt.Scale(domain=[0, 1], range=[0.14, 1])),
    )
    figures = base.mark_text(fontSize=12).encode(
        text=alt.Text("n:Q", format=",.0f"),
        color=alt.condition("datum.share_of_moves > 0.5", alt.value("#FFFFFF"), alt.value("#7C8896")),
    )
    return (cells + figures).properties(height=340)


def two_bars(
    rows: pd.DataFrame, words: Words, name: str, pair: tuple[str, str], table: str, *, unit: str, style: str = ",.0f"
) -> Chart:
    """Return two bars per name side by side: what went out (grey) and what came in (green).

    Parameters
    ----------
    rows
        One per name.
    words
        The language.
    name
        Column with the name in the reader's language.
    pair
        The two columns, the grey one first.
    table
        Mart that they are of.
    unit
        Of the axis, such as a currency.
    style
        How figures are written, in d3's notation.
    """
    labels = {column: words.label(table, column) for column in pair}
    long = rows.melt(id_vars=[name], value_vars=list(pair), var_name="measure", value_name="figure")
    long = long.assign(measure_label=[labels[measure] for measure in long["measure"]])
    domain = [labels[column] for column in pair]
    return (
        alt.Chart(long)
        .mark_bar(cornerRadiusEnd=3)
        .encode(
            y=alt.Y(f"{name}:N", sort=list(rows[name]), title=None, axis=_names_axis()),
            yOffset=alt.YOffset("measure_label:N", sort=domain),
            x=alt.X("figure:Q", title=unit, axis=_amounts(words)),
            color=alt.Color(
                "measure_label:N", scale=alt.Scale(domain=domain, range=[QUIET, GOOD]), title=None, legend=_legend()
            ),
            tooltip=[
                alt.Tooltip(f"{name}:N", title=" "),
                alt.Tooltip("measure_label:N", title=" "),
                alt.Tooltip("figure:Q", title=unit, format=style),
            ],
        )
        .properties(height={"step": 15, "for": "offset"})
    )


def two_lines(
    rows: pd.DataFrame, words: Words, pair: tuple[str, str], table: str, unit: str, height: int = _LINE_HEIGHT
) -> Chart:
    """Return costs and revenue (or such a pair) month by month.

    Parameters
    ----------
    rows
        ``month_starts_on`` and the two columns.
    words
        The language.
    pair
        The two columns, the grey one first.
    table
        Mart that they are of.
    unit
        Of the axis.
    height
        In pixels.
    """
    labels = {column: words.label(table, column) for column in pair}
    long = rows.melt(id_vars=["month_starts_on"], value_vars=list(pair), var_name="measure", value_name="figure")
    long = long.assign(measure_label=[labels[measure] for measure in long["measure"]])
    drawn = _lines(long, words, "figure", "measure_label", unit, ",.0f", (QUIET, GOOD), [labels[c] for c in pair])
    return drawn.properties(height=height)


def named_lines(rows: pd.DataFrame, words: Words, value: str, series: str, table: str, style: str) -> Chart:
    """Return one line per name over the months.

    Parameters
    ----------
    rows
        ``month_starts_on``, the value and the name.
    words
        The language.
    value
        Column on the Y axis.
    series
        Column with the name in the reader's language.
    table
        Mart that the value is of.
    style
        How figures are written, in d3's notation.
    """
    names = list(dict.fromkeys(rows[series]))
    return _lines(rows, words, value, series, words.label(table, value), style, SERIES[: len(names)], names)


def credit_marks(rows: pd.DataFrame, words: Words, value: str, unit: str) -> Chart:
    """Return the default model's credit as a bar per channel, and every other model's as a mark on it.

    Parameters
    ----------
    rows
        Of the query ``attribution_channels`` with ``channel_label`` and ``model_label``.
    words
        The language.
    value
        ``credit_amount`` or ``credit_share``.
    unit
        Of the axis.
    """
    usual = rows[rows["is_default_model"]].sort_values([value, "channel_label"], ascending=[False, True])
    order = list(dict.fromkeys([*usual["channel_label"], *rows["channel_label"]]))
    others = list(dict.fromkeys(rows.loc[~rows["is_default_model"], "model_label"]))
    tooltips = [
        alt.Tooltip("channel_label:N", title=words.label("mart_attribution", "channel")),
        alt.Tooltip("model_label:N", title=words.label("mart_attribution", "model")),
        alt.Tooltip(f"{value}:Q", title=unit, format=",.1f" if value == "credit_share" else ",.0f"),
    ]
    base = alt.Chart(rows).encode(
        y=alt.Y("channel_label:N", sort=order, title=None, axis=_names_axis()),
        x=alt.X(f"{value}:Q", title=unit, axis=_amounts(words)),
        tooltip=tooltips,
    )
    bars = base.transform_filter("datum.is_default_model").mark_bar(
        height={"band": 0.62}, color=MAIN, opacity=0.35, cornerRadiusEnd=3
    )
    marks = (
        base.transform_filter("!datum.is_default_model")
        .mark_tick(thickness=3, size=18, opacity=1)
        .encode(
            color=alt.Color(
                "model_label:N",
                scale=alt.Scale(domain=others, range=list(SERIES[1:] + SERIES[:1])[: max(len(others), 1)]),
                title=None,
                legend=_legend(columns=2),
            )
        )
    )
    return (bars + marks).properties(height=alt.Step(_BAR_STEP))


def shares_stacked(
    rows: pd.DataFrame,
    words: Words,
    name: str,
    part: str,
    value: str,
    colours: Mapping[str, str],
    value_title: str,
) -> Chart:
    """Return one bar per name cut into parts, such as reachable, known and missing.

    Parameters
    ----------
    rows
        One per name and part.
    words
        The language.
    name, part
        Columns with both in the reader's language.
    value
        Column with the size of a part.
    colours
        Of the parts, in their order.
    value_title
        What the size is.
    """
    order = {label: place for place, label in enumerate(colours)}
    rows = rows.assign(part_order=[order.get(label, len(order)) for label in rows[part]])
    return (
        alt.Chart(rows)
        .mark_bar(height={"band": 0.68})
        .encode(
            y=alt.Y(f"{name}:N", sort=list(dict.fromkeys(rows[name])), title=None, axis=_names_axis()),
            x=alt.X(f"{value}:Q", title=value_title, stack="zero", axis=_amounts(words)),
            order=alt.Order("part_order:Q"),
            color=alt.Color(
                f"{part}:N",
                scale=alt.Scale(domain=list(colours), range=list(colours.values())),
                title=None,
                legend=_legend(),
            ),
            tooltip=[
                alt.Tooltip(f"{name}:N", title=" "),
                alt.Tooltip(f"{part}:N", title=" "),
                alt.Tooltip(f"{value}:Q", title=value_title, format=",.0f"),
            ],
        )
        .properties(height=alt.Step(_BAR_STEP))
    )


def rate_with_range(rows: pd.DataFrame, words: Words, name: str, rate: str, table: str) -> Chart:
    """Return a rate per name with the range that the sample allows.

    Parameters
    ----------
    rows
        The name, the rate and its ``_low`` and ``_high``, in order.
    words
        The language.
    name
        Column with the name in the reader's language.
    rate
        Column from 0 to 1.
    table
        Mart that it is of.
    """
    base = alt.Chart(rows).encode(
        y=alt.Y(f"{name}:N", sort=list(rows[name]), title=None, axis=_names_axis()),
        tooltip=[
            alt.Tooltip(f"{name}:N", title=" "),
            *(_tooltip(words, table, column) for column in (rate, f"{rate}_low", f"{rate}_high", "assigned_count")),
        ],
    )
    axis = alt.X(
        f"{rate}_low:Q", title=words.label(table, rate), axis=alt.Axis(format=".0%"), scale=alt.Scale(domain=[0, 1])
    )
    ranges = base.mark_rule(strokeWidth=3, color=QUIET, opacity=0.6).encode(x=axis, x2=f"{rate}_high:Q")
    points = base.mark_point(filled=True, size=110, color=MAIN, opacity=1).encode(x=f"{rate}:Q")
    return (ranges + points).properties(height=alt.Step(34))


def influence_ranges(rows: pd.DataFrame, words: Words, name: str) -> Chart:
    """Return how much more (or less) moved up than people like them, with the range that the sample allows.

    Parameters
    ----------
    rows
        Of the query ``content_performance``.
    words
        The language.
    name
        Column with the name in the reader's language.
    """
    table = "mart_content_performance"
    base = alt.Chart(rows).encode(
        y=alt.Y(f"{name}:N", sort=list(rows[name]), title=None, axis=_names_axis()),
        tooltip=[
            alt.Tooltip(f"{name}:N", title=" "),
            *(
                _tooltip(words, table, column)
                for column in (
                    "moved_rate",
                    "base_rate",
                    "influence",
                    "influence_low",
                    "influence_high",
                    "judged_count",
                )
            ),
        ],
    )
    axis = alt.X("influence_low:Q", title=words.label(table, "influence"), axis=alt.Axis(format="+.0%", tickCount=6))
    ranges = base.mark_rule(strokeWidth=3, color=QUIET, opacity=0.6).encode(x=axis, x2="influence_high:Q")
    points = base.mark_point(filled=True, size=110, opacity=1).encode(
        x="influence:Q",
        color=alt.condition("datum.influence_low > 0", alt.value(GOOD), alt.value(QUIET)),
    )
    nought = alt.Chart(rows.head(1)).mark_rule(strokeDash=[4, 3], color=QUIET).encode(x=alt.datum(0))
    return (nought + ranges + points).properties(height=alt.Step(_BAR_STEP))


def part_of_whole(rows: pd.DataFrame, words: Words, name: str, pair: tuple[str, str], table: str) -> Chart:
    """Return per name a grey bar for all and a green one inside it for those that count, name and figures above them.

    Parameters
    ----------
    rows
        One per name.
    words
        The language.
    name
        Column with the name in the reader's language.
    pair
        The part, and the whole.
    table
        Mart that the columns are of.
    """
    part, whole = pair
    base = alt.Chart(rows).encode(
        y=alt.Y(f"{name}:N", sort=list(rows[name]), title=None, axis=None),
        tooltip=[alt.Tooltip(f"{name}:N", title=" "), *(_tooltip(words, table, column) for column in pair)],
    )
    every = base.mark_bar(height={"band": 0.34}, color=QUIET, opacity=0.28).encode(
        x=alt.X(f"{whole}:Q", title=None, axis=None)
    )
    those = base.mark_bar(height={"band": 0.34}, color=GOOD).encode(x=f"{part}:Q")
    told = f"datum.{name} + ': ' + format(datum.{part}, ',.0f') + ' / ' + format(datum.{whole}, ',.0f')"
    return (every + those + _above(base, told)).properties(height=alt.Step(_LABELLED_STEP))


def attainment_bars(rows: pd.DataFrame, words: Words) -> Chart:
    """Return how far each target was reached, its name and figures above its bar; the line is the target itself.

    Parameters
    ----------
    rows
        Of the query ``targets`` with ``name`` and ``verdict`` (``met``, ``missed`` or ``open``) in the reader's language.
    words
        The language.
    """
    table = "mart_funnel_vs_target"
    verdicts = [words("met"), words("missed"), words("not_final")]
    base = alt.Chart(rows.assign(capped=rows["attainment"].clip(upper=2).fillna(0))).encode(
        y=alt.Y("name:N", sort=list(rows["name"]), title=None, axis=None),
        tooltip=[
            alt.Tooltip("name:N", title=" "),
            alt.Tooltip("actual_text:N", title=words.label(table, "actual_value")),
            alt.Tooltip("target_text:N", title=words.label(table, "target_value")),
            _tooltip(words, table, "attainment"),
            alt.Tooltip("verdict:N", title=" "),
        ],
    )
    bars = base.mark_bar(cornerRadiusEnd=3, height={"band": 0.34}).encode(
        x=alt.X("capped:Q", title=words.label(table, "attainment"), axis=alt.Axis(format=".0%", tickCount=4)),
        color=alt.Color(
            "verdict:N", scale=alt.Scale(domain=verdicts, range=[GOOD, BAD, QUIET]), title=None, legend=_legend()
        ),
    )
    figures = _above(base, "datum.name + ': ' + datum.actual_text + ' / ' + datum.target_text")
    goal = alt.Chart(rows.head(1)).mark_rule(strokeWidth=1.5, strokeDash=[4, 3], color=QUIET).encode(x=alt.datum(1))
    return (bars + goal + figures).properties(height=alt.Step(_LABELLED_STEP))


def journey_lanes(rows: pd.DataFrame, words: Words) -> Chart:
    """Return one person's events over time, a lane for each kind.

    Parameters
    ----------
    rows
        Of the query ``journey`` with ``lane`` and ``label`` in the reader's language.
    words
        The language.
    """
    lanes = list(dict.fromkeys(rows.sort_values("lane_order")["lane"]))
    return (
        alt.Chart(rows)
        .mark_point(filled=True, size=80, opacity=0.75)
        .encode(
            x=alt.X(
                "happened_at:T", title=None, scale=alt.Scale(type="utc", nice=False, padding=12), axis=_day_axis(words)
            ),
            y=alt.Y("lane:N", sort=lanes, title=None, axis=alt.Axis(grid=True, labelLimit=_LABEL_LIMIT)),
            color=alt.Color("lane:N", scale=alt.Scale(domain=lanes, range=list(SERIES)), legend=None),
            tooltip=[
                alt.Tooltip("happened_at:T", title=words("when"), format="%Y-%m-%d %H:%M", formatType="utc"),
                alt.Tooltip("label:N", title=" "),
                alt.Tooltip("channel_label:N", title=words.label("mart_journey_timeline", "channel")),
            ],
        )
        .properties(height=alt.Step(34))
    )


def stage_steps(rows: pd.DataFrame, words: Words) -> Chart:
    """Return one person's way through the stages as steps over time.

    Parameters
    ----------
    rows
        Of the query ``journey_stages``.
    words
        The language.
    """
    rows = with_stage(rows, words)
    order = [stage.label for stage in words.stages][::-1]
    present = [label for label in order if label in set(rows["stage_label"])]
    base = alt.Chart(rows).encode(
        y=alt.Y("stage_label:N", sort=present, title=None, axis=alt.Axis(labelLimit=_LABEL_LIMIT, grid=True)),
        tooltip=[
            alt.Tooltip("entered_at:T", title=words("when"), format="%Y-%m-%d %H:%M", formatType="utc"),
            _tooltip(words, "fct_lifecycle_transition", "stage_label_full", kind="N"),
            _tooltip(words, "fct_lifecycle_transition", "signal", kind="N"),
            _tooltip(words, "fct_lifecycle_transition", "stage_days"),
        ],
    )
    colour = alt.Color("stage_label:N", scale=stages_of(rows, words), legend=None)
    scale = alt.Scale(type="utc", nice=False, padding=12)
    stays = base.mark_bar(height=9, cornerRadius=4, opacity=0.85).encode(
        x=alt.X("entered_at:T", title=None, scale=scale, axis=_day_axis(words)), x2="until:T", color=colour
    )
    starts = base.mark_point(filled=True, size=90, opacity=1).encode(x="entered_at:T", color=colour)
    return (stays + starts).properties(height=alt.Step(34))


def _lines(
    rows: pd.DataFrame,
    words: Words,
    value: str,
    series: str,
    title: str,
    style: str,
    colours: Sequence[str],
    names: Sequence[str],
) -> Chart:
    base = alt.Chart(rows).encode(
        x=_months(words),
        y=alt.Y(
            f"{value}:Q", title=title, axis=alt.Axis(format=".0%", tickCount=5) if "%" in style else _amounts(words)
        ),
        color=alt.Color(
            f"{series}:N",
            scale=alt.Scale(domain=list(names), range=list(colours)),
            title=None,
            legend=_legend() if len(names) > 1 else None,
        ),
        tooltip=[
            _month_tooltip(words),
            alt.Tooltip(f"{series}:N", title=" "),
            alt.Tooltip(f"{value}:Q", title=title, format=style),
        ],
    )
    return (base.mark_line(strokeWidth=2.2) + base.mark_point(filled=True, size=46, opacity=1)).properties(
        height=_LINE_HEIGHT
    )


def _months(words: Words, axis: alt.Axis | None = None) -> alt.X:
    shown = axis or alt.Axis(format=words.month_axis, title=None, grid=False, labelOverlap=True, tickCount="month")
    return alt.X("month_starts_on:T", title=None, scale=alt.Scale(type="utc", padding=14), axis=shown)


def _day_axis(words: Words) -> alt.Axis:
    style = "%y年%-m月%-d日" if words.language == "zh" else "%-d %b %y"
    return alt.Axis(format=style, title=None, grid=True, labelOverlap=True, tickCount=6)


def _amounts(words: Words, ticks: int = 5) -> alt.Axis:
    """Return an axis whose large numbers are short: 20k in English, 2万 in Chinese."""
    if words.language == "zh":
        told = "abs(datum.value) >= 1e8 ? format(datum.value / 1e8, '~r') + '亿' : abs(datum.value) >= 1e4 ? format(datum.value / 1e4, '~r') + '万' : format(datum.value, '~r')"
    else:
        told = (
            "datum.value == 0 ? '0' : abs(datum.value) < 1000 ? format(datum.value, '~r') : format(datum.value, '~s')"
        )
    return alt.Axis(labelExpr=told, tickCount=ticks)


def _month_tooltip(words: Words) -> alt.Tooltip:
    return alt.Tooltip("month_starts_on:T", title=words("month"), format=words.month_axis, formatType="utc")


def _above(base: Chart, told: str) -> Chart:
    """Return what is told above each bar, where a long name leaves the bars their width on a phone."""
    texts = base.transform_calculate(figures=told).mark_text(align="left", dy=-15, color=FIGURES, fontSize=12)
    return texts.encode(x=alt.value(0), text="figures:N")


def _names_axis() -> alt.Axis:
    return alt.Axis(labelLimit=_LABEL_LIMIT, labelOverlap=False, ticks=False, domain=False, grid=False, labelPadding=8)


def _legend(columns: int | None = None) -> alt.Legend:
    return alt.Legend(
        orient="top",
        labelLimit=200,
        labelFontSize=12,
        columnPadding=8,
        symbolStrokeWidth=3,
        **({"columns": columns} if columns else {}),
    )


def _tooltip(words: Words, table: str, column: str, kind: str = "Q") -> alt.Tooltip:
    title = words.label(table, column.removesuffix("_full"))
    if kind == "N":
        return alt.Tooltip(f"{column}:N", title=title)
    return alt.Tooltip(f"{column}:Q", title=title, format=figure_style(column))


def figure_style(column: str) -> str:
    """Return how a column's numbers are written, by what its name ends in, in d3's notation."""
    if column.endswith(
        ("_rate", "_share", "_low", "_high", "share_of_moves", "attainment", "awareness", "reach", "influence")
    ):
        return ".1%"
    if column.endswith(("_days", "_hours", "_count_mean")):
        return ",.1f"
    return ",.0f"


def _stage_colour(words: Words, stage: Any) -> str:  # noqa: ANN401 - a cell of a frame
    return next((one.colour for one in words.stages if one.stage == stage), QUIET)
