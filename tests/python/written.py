"""How a report must write its values, computed with Python's own decimals, dates and time zones.

A style is the JSON of a request's `output`, without what is not set.
"""

import re
import struct
import unicodedata
from datetime import date, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Context, Decimal
from zoneinfo import ZoneInfo

EXACT = Context(prec=400, rounding=ROUND_HALF_UP)


def text(value, column, style):
    """The text of a value for people."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    pattern = style.get("formats", {}).get(column.name)
    if isinstance(value, datetime):
        return moment(value, pattern or style.get("timestamp_format"), style.get("time_zone"))
    if isinstance(value, date):
        pattern = pattern or style.get("date_format")
        return directives(value, pattern) if pattern else value.isoformat()
    plain = number(value, column)
    if pattern and plain not in ("NaN", "inf", "-inf"):
        return grouped(EXACT.create_decimal(plain), pattern, style)
    return plain.replace(".", style.get("decimal_separator", "."))


def number(value, column):
    """All digits of a number: the fewest that read back of a float, those of its scale of a decimal."""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "inf" if value > 0 else "-inf"
    digits = single(value) if str(column.type) == "float" else repr(value)
    return re.sub(r"e([+-])0*", lambda sign: "e" + sign[1].strip("+"), digits)


def single(value):
    """The fewest digits that read back as the same number of 32 bits."""
    for digits in range(1, 10):
        short = float(f"{value:.{digits}g}")
        if struct.pack("f", short) == struct.pack("f", value):
            return repr(short)
    raise ValueError(f"{value} has more than 32 bits")


def grouped(value, pattern, style):
    """By a pattern such as `#,##0.00`: digits that it has no place for are rounded, half away from zero."""
    decimals = len(pattern.partition(".")[2])
    rounded = value.quantize(Decimal(1).scaleb(-decimals), context=EXACT)
    if rounded == 0:
        rounded = abs(rounded)
    digits = format(rounded, ",f" if "," in pattern else "f")
    decimal = style.get("decimal_separator", ".")
    grouping = style.get("grouping_separator", "." if decimal == "," else ",")
    return digits.translate(str.maketrans({".": decimal, ",": grouping}))


def moment(value, pattern=None, zone=None):
    """A timestamp; what is finer than a millisecond is cut off."""
    value = in_zone(value, zone)
    if pattern:
        return directives(value, pattern)
    written = value.replace(tzinfo=None).isoformat(timespec="milliseconds")
    if zone:
        return written + offset(value, ":")
    return written + ("Z" if value.tzinfo else "")


def in_zone(value, zone):
    """As clocks of the zone show it; a timestamp without a zone is read as UTC then."""
    if not zone:
        return value
    return (value if value.tzinfo else value.replace(tzinfo=timezone.utc)).astimezone(ZoneInfo(zone))


def offset(value, colon):
    """Ahead of UTC: `-03:00`, with seconds only where there are any."""
    seconds = round((value.utcoffset() or timedelta()).total_seconds())
    sign, seconds = ("-" if seconds < 0 else "+"), abs(seconds)
    parts = [seconds // 3600, seconds // 60 % 60, seconds % 60]
    return sign + colon.join(f"{part:02}" for part in parts[: 3 if parts[2] else 2])


def directives(value, pattern):
    """By strftime, but for what differs from one system to the next."""
    pattern = pattern.replace("%Y", f"{value.year:04}").replace("%F", "%Y-%m-%d").replace("%Y", f"{value.year:04}")
    if isinstance(value, datetime):
        pattern = pattern.replace("%3f", f"{value.microsecond // 1000:03}")
        pattern = pattern.replace("%:z", offset(value, ":")).replace("%z", offset(value, ""))
    return value.strftime(pattern)


def is_number(column):
    return column.kind in ("integer", "decimal", "float")


def guarded(cell):
    """As CSV has it, so that no spreadsheet runs it."""
    return "'" + cell if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def for_xml(cell):
    """XML 1.0 has no way to write these, not even escaped."""
    return re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "\ufffd", cell)


def for_html(cell):
    """HTML has no place for controls and noncharacters."""
    cell = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef]", "\ufffd", cell)
    return "".join("\ufffd" if ord(c) & 0xFFFE == 0xFFFE else c for c in cell)


def for_line(cell):
    """What would end or shift a line is shown by its picture."""
    pictures = {code: 0x2400 + code for code in range(0x20)}
    pictures |= {code: 0xFFFD for code in range(0x80, 0xA0)}
    pictures |= {0x7F: 0x2421, 0x85: 0x2424, 0x2028: 0x2424, 0x2029: 0x2424}
    return cell.translate(pictures)


def width(cell):
    """Columns of a terminal; none where terminals themselves do not agree: joined emoji, flags, noncharacters."""
    if re.search("[\u200b-\u200f\ufe00-\ufe0f\ufffe\uffff\U0001f1e6-\U0001f1ff]", cell):
        return None
    shown = (c for c in cell if unicodedata.category(c) not in ("Mn", "Me", "Cf"))
    return sum(2 if unicodedata.east_asian_width(c) in ("W", "F") else 1 for c in shown)


def total(values, zero):
    """Exact, however long."""
    for value in values:
        zero = zero + value if isinstance(value, int) else EXACT.add(zero, value)
    return zero
