"""PURE. The effect of a statement on its transaction on MariaDB and MySQL, and whether it may write at all.

`commits`: it commits what came before it, and itself (DDL). Its end is recorded beside the transaction. `waits`: it is
kept or lost with its transaction (INSERT). Its end is recorded within that very transaction, so that the record is kept
or lost with it. `opaque`: nobody can know (CALL may do either).

Only a statement that is proven to write nothing is left out of the record: a SELECT may call a stored function, or take
a sequence's next value. What cannot be proven is opaque.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

Kind = Literal["commits", "waits", "opaque"]

_COMMENTS = re.compile(r"\A(?:\s+|--[^\n]*(?:\n|\Z)|#[^\n]*(?:\n|\Z)|/\*(?!!|M!).*?\*/)+", re.DOTALL)
_STRINGS = re.compile(r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\"", re.DOTALL)
_TEMPORARY = re.compile(r"(CREATE|DROP)\s+(OR\s+REPLACE\s+)?TEMPORARY\b", re.IGNORECASE)
_NEW_TEMPORARY = re.compile(
    r"CREATE\s+(?:OR\s+REPLACE\s+)?TEMPORARY\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(?:[`\w$]+\s*\.\s*)?`?([\w$]+)",
    re.IGNORECASE,
)
_FOR = re.compile(r"SET\s+STATEMENT\b.*?\sFOR\s+(?=\S)", re.IGNORECASE | re.DOTALL)
_SESSION_SETTING = re.compile(
    r"SET\s+(?:(?:SESSION|LOCAL)\s+|@@(?:SESSION\.|LOCAL\.)?|@)?(?!GLOBAL\b|PASSWORD\b|DEFAULT\b|@@GLOBAL\b)[\w`.]+",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(r"\b(GLOBAL|PERSIST|PERSIST_ONLY|PASSWORD|DEFAULT\s+ROLE)\b", re.IGNORECASE)
_READS = frozenset({"DESC", "DESCRIBE", "EXPLAIN", "SELECT"})
_ONLY_SESSION = frozenset({"DEALLOCATE", "PREPARE", "SHOW", "USE"})
_WAITS = frozenset({"DELETE", "INSERT", "REPLACE", "UPDATE"})
_COMMITS = frozenset({"ALTER", "CREATE", "DROP", "GRANT", "OPTIMIZE", "RENAME", "REVOKE", "TRUNCATE"})
_ANALYZE_TABLE = re.compile(r"ANALYZE\s+(?:(?:LOCAL|NO_WRITE_TO_BINLOG)\s+)?TABLES?\b", re.IGNORECASE)
_SEVERAL = re.compile(r";\s*\S")
_CALL = re.compile(r"([`'.]?)\s*([\w$]*)\s*\(")
_SEQUENCE = re.compile(
    r"\b(NEXT\s+VALUE\s+FOR|NEXTVAL|SETVAL)\b|\bINTO\s+(OUTFILE|DUMPFILE)\b|\.\s*NEXTVAL", re.IGNORECASE
)
_MAIN_VERB = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|REPLACE)\b", re.IGNORECASE)

# What may stand before a parenthesis and is no stored function: the server's own functions (those of MariaDB's
# information_schema.SQL_FUNCTIONS, and MySQL's), then words of the grammar. The server prefers its own to a stored one.
_NATIVE = frozenset(
    re.findall(
        r"\w+",
        """
        abs acos add_months adddate addtime aes_decrypt aes_encrypt any_value ascii asin atan atan2 avg bin
        bin_to_uuid binary bit_and bit_count bit_length bit_or bit_xor cast ceil ceiling char char_length
        character_length charset chr coalesce coercibility collation column_check column_create column_exists
        column_get column_json column_list compress concat concat_ws connection_id conv convert convert_tz cos cot
        count crc32 crc32c cume_dist curdate current_date current_role current_time current_timestamp current_user
        curtime database date date_add date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear decode
        degrees dense_rank elt encode exp export_set extract extractvalue field find_in_set first_value floor format
        found_rows from_base64 from_days from_unixtime get_lock greatest group_concat grouping hex hour if ifnull
        inet6_aton inet6_ntoa inet_aton inet_ntoa insert instr interval is_free_lock is_ipv4 is_ipv6 is_used_lock
        isnull json_array json_array_append json_array_insert json_arrayagg json_compact json_contains
        json_contains_path json_depth json_detailed json_equals json_exists json_extract json_insert json_keys
        json_length json_loose json_merge json_merge_patch json_merge_preserve json_normalize json_object
        json_objectagg json_overlaps json_pretty json_query json_quote json_remove json_replace json_search json_set
        json_table json_type json_unquote json_valid json_value lag last_day last_insert_id last_value lastval lcase
        lead least left length lengthb ln localtime localtimestamp locate log log10 log2 lower lpad ltrim make_set
        makedate maketime max md5 median microsecond mid min minute mod month monthname natural_sort_key now nth_value
        ntile nullif nvl nvl2 oct octet_length ord password percent_rank percentile_cont percentile_disc period_add
        period_diff pi position pow power quarter quote radians rand random_bytes rank regexp_instr regexp_like
        regexp_replace regexp_substr release_all_locks release_lock repeat replace reverse right round row_count
        row_number rpad rtrim schema sec_to_time second session_user sformat sha sha1 sha2 sign sin sleep soundex
        space sqrt std stddev stddev_pop stddev_samp str_to_date strcmp subdate substr substring substring_index
        subtime sum sys_guid sysdate system_user tan time time_format time_to_sec timediff timestamp timestampadd
        timestampdiff to_base64 to_char to_days to_seconds trim truncate ucase uncompress uncompressed_length unhex
        unix_timestamp updatexml upper user utc_date utc_time utc_timestamp uuid uuid_short uuid_to_bin values var_pop
        var_samp variance version week weekday weekofyear weight_string year yearweek all and any as between bigint
        bit by case cross decimal distinct div double else except exists float from having in index inner int integer
        intersect is join key like limit natural not null numeric nchar offset on or order over partition real
        recursive regexp rlike row select signed some straight_join then tinyint union unsigned using varbinary
        varchar when where with xor
        """,
    )
)


def kind_of(statement: str, *, is_autocommit: bool = False, risky_views: Iterable[str] = ()) -> Kind | None:
    """Return what a statement is to its transaction; None where it is proven to change its own session at most.

    `risky_views` are the names of views that may write when they are read.
    """
    text = executed(statement)
    bare = _without_strings(text)
    word = (re.match(r"\w+", bare.lstrip("( \n\t")) or [""])[0].upper()
    if _SEVERAL.search(bare):
        return "opaque"
    if word == "WITH":
        word = _verb_after_with(bare)
    is_temporary = bool(_TEMPORARY.match(text))
    if is_temporary and not re.search(r"\bSELECT\b", bare, re.IGNORECASE):
        return None
    is_setting = word == "SET" and bool(_SESSION_SETTING.match(bare)) and not _ELSEWHERE.search(bare)
    if word in _READS or word in _ONLY_SESSION or is_temporary or is_setting:
        return None if may_not_write(bare, risky_views) else "opaque"
    if word in _COMMITS or _ANALYZE_TABLE.match(text):
        return "commits"
    return "waits" if word in _WAITS and not is_autocommit else "opaque"


def executed(statement: str) -> str:
    """Return what of a statement is carried out: without comments before it, or `SET STATEMENT … FOR`."""
    text = _COMMENTS.sub("", statement)
    # What stands in quotes is replaced by as many underscores.
    found = _FOR.match(_STRINGS.sub(lambda string: f"'{'_' * (len(string[0]) - 2)}'", text))
    return executed(text[found.end() :]) if found else text


def may_not_write(text: str, risky_views: Iterable[str] = ()) -> bool:
    """Return whether a query is proven to write nothing: it calls the server's own functions alone."""
    bare = _without_strings(text)
    # What looks like a string may begin in a comment, and hide what comes after it.
    if _SEQUENCE.search(bare) or any(mark in bare for mark in ("/*", "--", "#")):
        return False
    calls = _CALL.findall(bare)
    if any(mark or name.lower() not in _NATIVE for mark, name in calls if mark or name):
        return False
    return not mentions(bare, risky_views)


def makes_session(statement: str) -> bool:
    """Return whether what follows in the script may need what a statement left in its session.

    Such a statement cannot be passed over when a script is run again: a variable, or a temporary table, would lack.
    """
    text = executed(statement)
    word = (re.match(r"\w+", text) or [""])[0].upper()
    bare = _without_strings(text)
    return word == "SET" or bool(
        _TEMPORARY.match(text) or ":=" in bare or re.search(r"\bINTO\s+@", bare, re.IGNORECASE)
    )


def temporary_table(statement: str) -> str | None:
    """Return the name of the temporary table that a statement makes."""
    found = _NEW_TEMPORARY.match(executed(statement))
    return found[1].lower() if found else None


def mentions(statement: str, names: Iterable[str]) -> bool:
    """Return whether one of some names stands in a statement."""
    words = {word.lower() for word in re.findall(r"[\w$]+", _without_strings(statement))}
    return not words.isdisjoint(names)


def _verb_after_with(bare: str) -> str:
    """Return the verb that the common table expressions are for: the first one that is in no parentheses."""
    depth, start = 0, 0
    outside = []
    for position, letter in enumerate(bare):
        if letter == "(":
            if depth == 0:
                outside.append(bare[start:position])
            depth += 1
        elif letter == ")":
            depth -= 1
            start = position + 1
    outside.append(bare[start:])
    found = _MAIN_VERB.search(" ".join(outside))
    return found[1].upper() if found else "WITH"


def _without_strings(text: str) -> str:
    """Return a text without what stands in quotes; names in backticks stay, for they may be functions'."""
    return _STRINGS.sub("''", text)
