"""A query in words, for the person who asks and the person who judges it, in English or Chinese."""

from __future__ import annotations

from typing import Final

from policies.sql.data_list import DataList
from policies.sql.query import Aggregate, AggregateItem, Function, Item, Query
from policies.sql.rendering import condition, key, source

_AGGREGATES: Final = {
    Function.COUNT_ROWS: ("number of rows", "行数"),
    Function.SUM_ONES: ("number of rows", "行数"),
    Function.COUNT_PERSONS: ("number of distinct {}", "{} 的去重人数"),
    Function.SUM: ("sum of {}", "{} 的合计"),
    Function.AVG: ("average of {}", "{} 的平均"),
    Function.VAR_SAMP: ("sample variance of {}", "{} 的样本方差"),
    Function.VAR_POP: ("population variance of {}", "{} 的总体方差"),
    Function.STDDEV_SAMP: ("sample standard deviation of {}", "{} 的样本标准差"),
    Function.STDDEV_POP: ("population standard deviation of {}", "{} 的总体标准差"),
}


def in_words(query: Query, data_list: DataList, *, chinese: bool) -> list[str]:
    """What the query asks, a line for its rows and one for each output column, and what the release does last."""
    lines = [f"{'行' if chinese else 'rows'}: {source(query, data_list)}"]
    lines += [_item(item, data_list, chinese=chinese) for item in query.items]
    return lines + at_release(query, chinese=chinese)


def at_release(query: Query, *, chinese: bool) -> list[str]:
    """What is applied to the cells after the disclosure rules, where a withheld cell cannot show as a gap."""
    lines = []
    if query.having is not None:
        count, column = query.having.at_least, query.having.field
        lines.append(
            f"放行时只留 {column} 去重不少于 {count} 的单元"
            if chinese
            else f"at release: cells with at least {count} distinct {column}"
        )
    for order in query.order:
        way = ("降序" if order.descending else "升序") if chinese else ("down" if order.descending else "up")
        called = query.items[order.item].name
        lines.append(f"放行时按 {called} {way}" if chinese else f"at release: sorted by {called}, {way}")
    if query.limit is not None:
        lines.append(f"放行时至多 {query.limit} 行" if chinese else f"at release: at most {query.limit} rows")
    return lines


def _item(item: Item, data_list: DataList, *, chinese: bool) -> str:
    if not isinstance(item, AggregateItem):
        return f"{item.name}: {'按此分组' if chinese else 'a cell for each'} {key(item.key, data_list)}"
    shown = _aggregate(item.aggregate, data_list, chinese=chinese)
    if not item.rounded:
        return f"{item.name}: {shown}"
    digits = item.digits or 0
    return f"{item.name}: {shown}, {f'取 {digits} 位小数' if chinese else f'rounded to {digits} digits'}"


def _aggregate(aggregate: Aggregate, data_list: DataList, *, chinese: bool) -> str:
    shown = _AGGREGATES[aggregate.function][chinese].format(aggregate.field)
    if aggregate.bounds is not None:
        bounds = f"[{aggregate.bounds.low:f}, {aggregate.bounds.high:f}]"
        shown += f"，先裁剪到 {bounds}" if chinese else f", clipped to {bounds}"
    if aggregate.condition is not None:
        holds = condition(aggregate.condition, data_list)
        shown += f"，条件 {holds}" if chinese else f", where {holds}"
    if aggregate.else_zero:
        shown += "，否则计 0" if chinese else ", else counted as 0"
    return shown
