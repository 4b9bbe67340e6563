"""Days and times as text: `2026-12-01` and `2026-12-01T00:00:00Z` compare as text, and a number of days can be added."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

LAST = "9999-12-31T00:00:00Z"


def midnight(day: str) -> str:
    """Return the time at which a day begins, in UTC."""
    return f"{day}T00:00:00Z"


def days_after(time: str, days: int) -> str:
    """Return the time so many days later; the last one there is where that is beyond it. Raises ValueError for no time."""
    begin = datetime.strptime(time, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    try:
        return f"{(begin + timedelta(days=days)).replace(tzinfo=None).isoformat()}Z"  # strftime writes the year 3 as "3"
    except OverflowError:
        return LAST


def is_day(text: str) -> bool:
    """Tell whether the text is a day of the calendar, as 2026-12-01."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
