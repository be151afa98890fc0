"""What a refusal tells the caller to change, in English and Chinese.

A hint is the smallest edit that would pass, or what to apply for when no edit helps. It names listed tables and columns
only: no literal of the query, no name that is not listed, no data value, no word of the engine.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from policies.sql.data_list import SqlUse
from policies.sql.reasons import Hint

BAD_LINE: Final = Hint(
    'write one object a line with "id" and "sql", both text in valid Unicode, the id of at most 128 characters',
    "每行写一个对象，含 id 与 sql 两项有效的 Unicode 文本，id 至多 128 个字符",
)
TOO_LONG: Final = Hint("shorten the query to 8,192 bytes", "把查询缩短到 8,192 字节以内")
TOO_DEEP: Final = Hint(
    "write at most 50 levels of parentheses, 100 comparisons, and 200 literals in one IN list",
    "括号至多 50 层，比较至多 100 个，一个 IN 列表至多 200 个值",
)
BAD_CHARACTER: Final = Hint(
    "write ASCII, CJK ideographs and the listed Chinese marks only; spaces are plain spaces",
    "只用 ASCII、汉字与列出的中文标点；空格用半角空格",
)
COMMENT: Final = Hint(
    "leave out -- and /* */, also inside literals", "去掉注释符号 -- 与 /* */，字面量里也不能有"
)
SYNTAX: Final = Hint(
    "write one SELECT that DuckDB can parse: SELECT key, aggregate FROM table GROUP BY key",
    "写成 DuckDB 能解析的一条 SELECT：SELECT 键, 聚合 FROM 表 GROUP BY 键",
)
MULTIPLE_STATEMENTS: Final = Hint(
    "send one statement, with no more than one ; at its end", "一次一条语句，分号至多一个且在末尾"
)
NOT_A_SELECT: Final = Hint(
    "begin the query with SELECT and ask for aggregates", "查询以 SELECT 开头，并只要聚合结果"
)
NO_FROM: Final = Hint("name a listed table after FROM", "在 FROM 之后写一张列出的表")
QUALIFIED_NAME: Final = Hint("leave out the catalog or schema prefix", "去掉 catalog 或 schema 前缀")
POSITION: Final = Hint("write the name of a listed column", "写出所列字段的名称")
STAR: Final = Hint(
    "write COUNT(*), or an aggregate of one column, instead of a star",
    "不用星号，写 COUNT(*) 或单个字段的聚合",
)
NO_AGGREGATE: Final = Hint("add an aggregate such as COUNT(*)", "加一个聚合，例如 COUNT(*)")
NO_DISTINCT: Final = Hint(
    "leave out DISTINCT and write GROUP BY with COUNT(*)", "去掉 DISTINCT，改用 GROUP BY 加 COUNT(*)"
)
DOT_CALL: Final = Hint(
    "write the function in front: SUM(c) instead of a dot-call", "函数写在前面：用 SUM(c)，不用点调用"
)
PLAIN_LITERAL: Final = Hint(
    "write a literal in plain single quotes, without prefix, dollar or parameter",
    "字面量用普通单引号，不带前缀、美元符或参数",
)
PLAIN_CALL: Final = Hint("write the call with its arguments alone", "函数调用只写参数")
DOUBLE_QUOTES: Final = Hint("write names without quotes or in double quotes", "名称不加引号，或用双引号")
NULL_LITERAL: Final = Hint("write IS NULL or IS NOT NULL", "改用 IS NULL 或 IS NOT NULL")
GROUPING_SETS: Final = Hint(
    "write plain GROUP BY keys; ask for each total with its own query",
    "GROUP BY 只写普通的键；每个合计单独查询",
)
WINDOW: Final = Hint("leave out the window; write GROUP BY", "去掉窗口函数，改用 GROUP BY")
SAMPLE: Final = Hint("leave out the sampling", "去掉抽样")
JOIN_KIND: Final = Hint(
    "write [INNER | LEFT] JOIN table ON a.key = b.key", "写 [INNER | LEFT] JOIN 表 ON a.键 = b.键"
)
JOIN_CONDITION: Final = Hint(
    "join by a.c = b.d [AND ...] over join or person columns of one type, one of the joined table; filters belong in WHERE",
    "连接条件写 a.c = b.d [AND ...]，两边是同类型的 join 或 person 字段，其一属于所连接的表；筛选写在 WHERE",
)
SELF_JOIN: Final = Hint("use each table once", "每张表只用一次")
SUBQUERY: Final = Hint(
    "ask without nested queries: join the tables or filter by literals", "不用子查询：连接表，或用字面量筛选"
)
SET_OPERATION: Final = Hint("ask each query on its own", "各个查询分开提交")
TABLE_FUNCTION: Final = Hint("name a listed table in FROM", "FROM 中写列出的表")
TABLE_CLAUSE: Final = Hint(
    "write the table and an optional alias, nothing else", "只写表名与可选的别名，不写其他成分"
)
CONDITION: Final = Hint(
    "write F(m) FILTER (WHERE condition) or F(CASE WHEN condition THEN m END) over group or filter columns",
    "写 F(m) FILTER (WHERE 条件) 或 F(CASE WHEN 条件 THEN m END)，条件用 group 或 filter 字段",
)
PREDICATE: Final = Hint(
    "compare one column with a literal: c = literal, BETWEEN, IN or IS NULL, joined by AND, OR, NOT",
    "用一个字段与字面量比较：c = 值、BETWEEN、IN 或 IS NULL，以 AND、OR、NOT 相连",
)
FUNCTION: Final = Hint(
    "use the bare column or a listed coarsening such as floor(c/10)*10, date_trunc('month', d), year(d) or left(c, 2)",
    "用字段本身或列出的归并方式，如 floor(c/10)*10、date_trunc('month', d)、year(d)、left(c, 2)",
)
GROUP_KEY: Final = Hint(
    "group by a group column or a listed coarsening of one, and select every key",
    "按 group 字段或其列出的归并方式分组，且每个键都要在 SELECT 中",
)
CONSTANT_ITEM: Final = Hint("leave out the constant", "去掉常量")
LABELS: Final = Hint(
    "write CASE over group columns with at most 20 branches and literal labels of one class",
    "CASE 只用 group 字段，至多 20 个分支，标签为同一类字面量",
)
AGGREGATE_EXPRESSION: Final = Hint(
    "select each aggregate on its own, or ROUND(aggregate, 0 to 6); compute from the released parts",
    "每个聚合单独列出，或写 ROUND(聚合, 0 到 6)；比率由放行后的数计算",
)
COUNT: Final = Hint(
    "write COUNT(*) or COUNT(DISTINCT person column)", "写 COUNT(*) 或 COUNT(DISTINCT 人员字段)"
)
BARE_MEASURE: Final = Hint(
    "write the bare measure column as the only argument", "参数只写一个 measure 字段本身"
)
NO_ORDER_INSIDE: Final = Hint(
    "leave out ORDER BY and DISTINCT inside the aggregate", "去掉聚合内的 ORDER BY 与 DISTINCT"
)
KEYS: Final = Hint("write at most 3 keys", "至多 3 个键")
AGGREGATES: Final = Hint("write at most 10 aggregates", "至多 10 个聚合")
TABLES: Final = Hint("use at most 3 tables", "至多 3 张表")
HAVING: Final = Hint(
    "write HAVING COUNT(DISTINCT person column) >= n with a whole number n",
    "写 HAVING COUNT(DISTINCT 人员字段) >= n，n 为整数",
)
ORDER_BY: Final = Hint(
    "order by the name, number or expression of an output column", "按输出列的名称、序号或表达式排序"
)
LIMIT: Final = Hint(
    "write LIMIT with a whole number from 1 to 500, without OFFSET", "LIMIT 写 1 到 500 的整数，不用 OFFSET"
)
ALIAS_FORM: Final = Hint(
    "write an alias of 1 to 64 letters, digits or CJK characters that does not start with __",
    "别名用 1 到 64 个字母、数字或汉字，不以 __ 开头",
)
ALIAS_TAKEN: Final = Hint(
    "choose an alias that is no name of a column of the tables and not used twice",
    "别名不得与表中字段同名，也不得重复",
)
TABLE_ALIAS: Final = Hint(
    "choose a table alias that is no name of another listed table and not used twice, without a column list",
    "表别名不得是另一张表的名称，不得重复，不带字段列表",
)
MEASURE_ONLY: Final = Hint("group this measure by floor(m/W)*W only", "measure 字段只能用 floor(m/W)*W 分组")
STEP: Final = Hint("divide by a number of at least 1", "除数用不小于 1 的数")


def apply_for(uses: Iterable[SqlUse], column: str) -> Hint:
    """Tell which use would let `column` appear here."""
    names = sorted({use.value for use in uses})
    quoted = " or ".join(f'"{name}"' for name in names)
    return Hint(
        f"apply for use {quoted} on {column}", f"为 {column} 申请用途 {quoted.replace(' or ', ' 或 ')}"
    )


def feature_only(column: str) -> Hint:
    """Tell that a feature is not for SQL."""
    return Hint(
        f"leave out {column}: it may enter an approved model only", f"去掉 {column}：它只能进入已批准的模型"
    )


def person_column(column: str) -> Hint:
    """Tell the two places of a person column."""
    return Hint(
        f"write COUNT(DISTINCT {column}) or use it in a join equality only",
        f"只能写 COUNT(DISTINCT {column})，或用于连接等式",
    )


def no_bounds(column: str) -> Hint:
    """Tell that a measure needs bounds."""
    return Hint(f"apply for bounds [lo, hi] on {column}", f"为 {column} 申请取值范围 [lo, hi]")


def unknown_table(names: Iterable[str]) -> Hint:
    """Tell the tables that there are."""
    shown = ", ".join(list(names)[:8]) or "none"
    return Hint(
        f"name a listed table, without path or quotes around a file: {shown}",
        f"写列出的表名（不是文件路径）：{shown}",
    )


def unknown_column(near: str | None) -> Hint:
    """Tell the listed column that comes nearest."""
    if near is None:
        return Hint("write the name of a listed column of the tables in FROM", "写 FROM 中各表所列的字段名")
    return Hint(f"write a listed column, such as {near}", f"写所列的字段，例如 {near}")


def ambiguous_column(columns: Iterable[str]) -> Hint:
    """Tell how to say which of several columns is meant."""
    shown = list(columns)
    return Hint(f"write {' or '.join(shown)}", f"写明是 {' 还是 '.join(shown)}")


def raw_column(column: str, *, measure: bool, group: bool) -> Hint:
    """Tell how a column may be selected."""
    if measure:
        return Hint(f"write AVG({column}) instead of {column}", f"用 AVG({column}) 代替 {column}")
    if group:
        return Hint(f"add {column} to GROUP BY", f"把 {column} 加入 GROUP BY")
    return Hint(f"leave out {column}, or count with COUNT(*)", f"去掉 {column}，或用 COUNT(*) 计数")


def instead_of(wanted: str, written: str) -> Hint:
    """Tell one edit."""
    return Hint(f"write {wanted} instead of {written}", f"用 {wanted} 代替 {written}")


def allowed_aggregate(column: str | None) -> Hint:
    """Tell what to write for an aggregate that is not listed."""
    if column is None:
        return Hint(
            "use COUNT(*), COUNT(DISTINCT person), SUM, AVG, VARIANCE or STDDEV",
            "用 COUNT(*)、COUNT(DISTINCT 人员字段)、SUM、AVG、VARIANCE 或 STDDEV",
        )
    return Hint(f"write AVG({column})", f"写 AVG({column})")


def literal_of(class_name: str, column: str) -> Hint:
    """Tell which class of literal `column` is compared with."""
    words = {
        "text": ("a quoted text", "带引号的文本"),
        "number": ("a number without quotes, of not too many digits", "不带引号、位数不过多的数字"),
        "date/time": ("a date such as DATE 'YYYY-MM-DD'", "日期，如 DATE 'YYYY-MM-DD'"),
        "boolean": ("TRUE or FALSE", "TRUE 或 FALSE"),
    }
    en, zh = words.get(class_name, ("IS NULL only", "IS NULL"))
    return Hint(f"compare {column} with {en}", f"{column} 只能与{zh}比较")


def coarsen(column: str) -> Hint:
    """Tell how a point in time becomes a key."""
    return Hint(
        f"write date_trunc('month', {column}) instead of {column}",
        f"用 date_trunc('month', {column}) 代替 {column}",
    )


def wider_bins(width: str) -> Hint:
    """Tell the narrowest bin."""
    return Hint(f"write bins of at least {width}", f"分箱宽度不小于 {width}")
