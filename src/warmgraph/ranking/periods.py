"""Times that a question speaks of: "last week", "in May 2023", "since Monday", as spans of seconds."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

__all__ = ["Period", "may_speak_of_period", "read_period"]


class Period(NamedTuple):
    """A span of time.

    Args:
        start: Its first second, since the epoch; -inf without a beginning.
        end: The second after its last one; inf without an end.
        words: Where it stands in the text that it was read from: (start, stop).
        relative: Whether it is meant from today on, as in "last week": its words then say nothing of what is looked
            for. The words of a date are also those of memories that were written down then.
    """

    start: float
    end: float
    words: tuple[int, int]
    relative: bool


_Span = tuple[datetime, datetime]


def read_period(text: str, now: datetime) -> Period | None:
    """Return the time that a text speaks of, or `None`.

    What lacks a year, or is a day of the week, is taken for the last one there was: memories lie in the past. Weeks
    begin on Monday, and a weekend is Saturday and Sunday.

    Args:
        text: The text, in English.
        now: From when on relative times are counted; with a time zone, which is that of the answer.

    Example:
        >>> from datetime import timezone
        >>> now = datetime(2023, 6, 14, 12, tzinfo=timezone.utc)  # a Wednesday
        >>> period = read_period("Where did I go last week?", now)
        >>> datetime.fromtimestamp(period.start, timezone.utc).date().isoformat(), (period.end - period.start) / 86_400
        ('2023-06-05', 7.0)
    """
    for pattern, between in ((_BETWEEN, True), (_BOUNDED, False)):
        match = pattern.search(text)
        if match is None:
            continue
        year = _ANY_YEAR(match["second"]) if between and not _ANY_YEAR(match["first"]) else None
        first = _read_span(match["first"] + (f" {year[0]}" if year else ""), now)
        second = _read_span(match["second"], now) if between else None
        if first is None or (between and second is None):
            continue
        relative = first[1] or (second is not None and second[1])
        if second is not None:
            return _period((min(first[0][0], second[0][0]), max(first[0][1], second[0][1])), match.span(), relative)
        start, end = first[0]
        bound = match["bound"].lower()
        if bound in ("since", "from"):
            return Period(start.timestamp(), float("inf"), match.span(), relative)
        if bound == "after":
            return Period(end.timestamp(), float("inf"), match.span(), relative)
        last = end if bound in ("until", "till", "by") else start
        return Period(float("-inf"), last.timestamp(), match.span(), relative)
    for pattern, read, relative in _FORMS:
        for match in pattern.finditer(text):
            span = read(match, now)
            if span is not None:
                return _period(span, match.span(), relative)
    return None


def may_speak_of_period(words: Iterable[str]) -> bool:
    """Whether `read_period` may find something in a text of these words: a look that costs 1 us, not 100."""
    return any(word.lower() in _WORDS or word[0].isdigit() for word in words)


def _period(span: _Span, words: tuple[int, int], relative: bool) -> Period:
    return Period(span[0].timestamp(), span[1].timestamp(), words, relative)


def _read_span(text: str, now: datetime) -> tuple[_Span, bool] | None:
    for pattern, read, relative in (*_FORMS, *_BARE):
        match = pattern.match(text)
        span = read(match, now) if match is not None else None
        if span is not None:
            return span, relative
    return None


def _day(when: datetime, days: int = 1) -> _Span:
    start = when.replace(hour=0, minute=0, second=0, microsecond=0)
    return start, start + timedelta(days=days)


def _month(year: int, month: int, now: datetime) -> _Span:
    start = datetime(year, month, 1, tzinfo=now.tzinfo)
    return start, start + timedelta(days=monthrange(year, month)[1])


def _year(year: int, now: datetime) -> _Span:
    return datetime(year, 1, 1, tzinfo=now.tzinfo), datetime(year + 1, 1, 1, tzinfo=now.tzinfo)


def _moved(now: datetime, months: int) -> tuple[int, int]:
    place = now.year * 12 + now.month - 1 - months
    return place // 12, place % 12 + 1


def _iso(match: re.Match[str], now: datetime) -> _Span | None:
    return _date(int(_said(match, "year")), int(match["month"]), int(match["day"]), now)


def _date(year: int, month: int, day: int, now: datetime) -> _Span | None:
    try:
        return _day(datetime(year, month, day, tzinfo=now.tzinfo))
    except ValueError:
        return None


def _named_date(match: re.Match[str], now: datetime) -> _Span | None:
    month, day = _month_number(match["month"]), int(match["day"])
    if _said(match, "year"):
        return _date(int(_said(match, "year")), month, day, now)
    found = _date(now.year, month, day, now)
    return _date(now.year - 1, month, day, now) if found is None or found[0] > now else found


def _named_month(match: re.Match[str], now: datetime) -> _Span:
    month = _month_number(match["month"])
    year, last = _said(match, "year"), _said(match, "last")
    if year:
        return _month(int(year), month, now)
    return _month(now.year if month < now.month or (month == now.month and not last) else now.year - 1, month, now)


def _season(match: re.Match[str], now: datetime) -> _Span:
    first = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}[match["season"].lower()]
    year = int(_said(match, "year")) if _said(match, "year") else now.year
    start = datetime(year, first, 1, tzinfo=now.tzinfo)
    if not _said(match, "year") and (
        start > now or (_said(match, "which").strip().lower() == "last" and _after_season(start) > now)
    ):
        start = start.replace(year=year - 1)
    return start, _after_season(start)


def _after_season(start: datetime) -> datetime:
    return start.replace(year=start.year + (start.month == 12), month=(start.month + 2) % 12 + 1)


def _only_year(match: re.Match[str], now: datetime) -> _Span:
    return _year(int(_said(match, "year")), now)


def _weekday(match: re.Match[str], now: datetime) -> _Span:
    back = (now.weekday() - _WEEKDAYS.index(match["weekday"].lower())) % 7
    if back == 0 and _said(match, "which").strip().lower() in ("last", "past"):
        back = 7
    return _day(now - timedelta(days=back))


def _simple_day(match: re.Match[str], now: datetime) -> _Span:
    said = match[0].lower()
    back = 2 if said.startswith("the day before") else 1 if said in ("yesterday", "last night") else 0
    return _day(now - timedelta(days=back))


def _recent(match: re.Match[str], now: datetime) -> _Span:
    return now - timedelta(days=30), _day(now)[1]


def _unit(match: re.Match[str], now: datetime) -> _Span:
    past = _said(match, "which").strip().lower() in ("last", "past", "previous")
    unit = match["unit"].lower()
    if unit == "year":
        return _year(now.year - past, now)
    if unit == "month":
        return _month(*_moved(now, int(past)), now)
    monday = now - timedelta(days=now.weekday() + 7 * past)
    if unit == "week":
        return _day(monday, 7)
    return _day(monday + timedelta(days=5), 2)


def _ago(match: re.Match[str], now: datetime) -> _Span:
    count = _count(match["count"])
    unit = match["unit"].lower().rstrip("s")
    if unit == "day":
        return _day(now - timedelta(days=count))
    if unit == "week":
        return _day(now - timedelta(days=now.weekday() + 7 * count), 7)
    if unit == "month":
        return _month(*_moved(now, count), now) if count < 12 * now.year - 12 else _day(now)
    return _year(max(now.year - count, 1), now)


def _within(match: re.Match[str], now: datetime) -> _Span:
    count = _count(match["count"])
    days = min(count * {"day": 1, "week": 7, "month": 30, "year": 365}[match["unit"].lower().rstrip("s")], 36_500)
    return _day(now - timedelta(days=days))[0], _day(now)[1]


def _said(match: re.Match[str], group: str) -> str:
    """Return what a group met, "" for a group that met nothing or that the pattern does not have."""
    return match.groupdict().get(group) or ""


def _count(said: str) -> int:
    said = said.lower()
    return min(int(said), 9_999) if said.isdigit() else _COUNTS[said]


def _month_number(name: str) -> int:
    return _MONTHS.index(name.lower()[:3]) + 1


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_COUNTS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "a couple of": 2, "couple of": 2, "three": 3, "a few": 3, "few": 3,
    "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
}  # fmt: skip

_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"(?P<day>[12]\d|3[01]|0?[1-9])(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_COUNT = rf"(?P<count>\d+|{'|'.join(sorted(_COUNTS, key=len, reverse=True))})"
_UNITS = r"(?P<unit>days?|weeks?|months?|years?)"

_Read = Callable[[re.Match[str], datetime], _Span | None]


def _form(pattern: str, read: _Read, relative: bool = True) -> tuple[re.Pattern[str], _Read, bool]:
    return re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE), read, relative


# The more a form says the earlier it comes: "8 May 2023" is no "May 2023".
_FORMS = (
    _form(rf"(?:on )?{_YEAR}-(?P<month>\d\d)-(?P<day>\d\d)", _iso, False),
    _form(rf"(?:on )?(?:the )?{_DAY} (?:of )?{_MONTH}(?:,? {_YEAR})?", _named_date, False),
    _form(rf"(?:on )?{_MONTH} (?:the )?{_DAY}(?!\d)(?:,? {_YEAR})?", _named_date, False),
    _form(rf"(?:in |during )?(?:early |mid |late )?{_MONTH},? (?:of )?{_YEAR}", _named_month, False),
    _form(rf"(?:in|during|(?P<last>last)|this) {_MONTH}", _named_month, False),
    _form(
        rf"(?:in |during )?(?:the )?(?P<which>last |this |past )?(?P<season>spring|summer|autumn|fall|winter)"
        rf"(?:,? (?:of )?{_YEAR})",
        _season,
        False,
    ),
    _form(
        r"(?:(?:in|during|over) (?:the )?|(?P<which>last|this|past) )"
        r"(?P<season>spring|summer|autumn|fall|winter)",
        _season,
    ),
    _form(
        rf"(?:in |within |over |during )?(?:the )?(?:last|past|previous) {_COUNT} {_UNITS}",
        _within,
    ),
    _form(rf"(?:about |around )?{_COUNT} {_UNITS} (?:ago|back|earlier)", _ago),
    _form(
        r"(?:in |during |over )?(?:the )?(?P<which>last|this|past|previous) (?P<unit>weekend|week|month|year)",
        _unit,
    ),
    _form(
        r"the day before yesterday|yesterday|last night|today|tonight|this (?:morning|afternoon|evening)", _simple_day
    ),
    _form(
        r"(?:on |(?P<which>last|past|this) )(?P<weekday>monday|tuesday|wednesday|thursday|friday|saturday|sunday)",
        _weekday,
    ),
    _form(rf"(?:in|during|of) {_YEAR}", _only_year, False),
    _form(r"recently|lately|these days", _recent),
)
# Without the word that ties it to its sentence, as it stands behind "since" or "between".
_BARE = (
    _form(rf"{_MONTH}", _named_month, False),
    _form(
        r"(?P<weekday>monday|tuesday|wednesday|thursday|friday|saturday|sunday)",
        _weekday,
    ),
    _form(_YEAR, _only_year, False),
)
_BETWEEN = re.compile(
    r"\b(?:between|from) (?P<first>[^?.!]+?) (?:and|to|until|till) (?P<second>[^?.!]+)", re.IGNORECASE
)
_BOUNDED = re.compile(
    r"(?<!the day )\b(?P<bound>since|from|after|before|until|till|by) (?P<first>[^?.!]+)", re.IGNORECASE
)
_WORDS = frozenset((
    *_MONTHS, "january", "february", "march", "april", "june", "july", "august", "sept", "september", "october",
    "november", "december", *_WEEKDAYS, "day", "days", "week", "weeks", "weekend", "month", "months", "year", "years",
    "today", "yesterday", "tonight", "night", "morning", "afternoon", "evening", "recently", "lately", "spring",
    "summer", "autumn", "fall", "winter",
))  # fmt: skip
"""Without one of these, or a number, no time is spoken of."""

_ANY_YEAR = re.compile(r"\b(?:19|20)\d\d\b").search
