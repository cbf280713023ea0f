"""The times and ids that the questions ask about."""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone


@dataclass(frozen=True)
class Scope:
    """The range of the data, from which all parameters follow."""

    start: datetime
    days: int
    # Traces to look up, one after the other.
    trace_ids: tuple[str, ...] = ()

    @staticmethod
    def of(start: str, days: int) -> "Scope":
        return Scope(datetime.fromisoformat(start).replace(tzinfo=timezone.utc), days)

    def times(self) -> dict[str, datetime]:
        """Parameters of the SQL. The incidents of the data set lie in its last week."""
        end = self.start + timedelta(days=self.days)
        week = end - timedelta(days=7)
        day = week + timedelta(days=3)
        hour = day + timedelta(hours=10)
        now = day + timedelta(days=1, hours=20)
        hour_long = timedelta(hours=1)
        back = {"5m": 1 / 12, "30m": 0.5, "1h": 1, "2h": 2, "6h": 6, "1d": 24, "3d": 72}
        return {
            "start": self.start,
            "end": end,
            "week": week,
            # Traces that run over the edge of a range belong to it as a whole.
            "week_early": week - hour_long,
            "end_late": end + hour_long,
            "day": day,
            "day_early": day - hour_long,
            "day_end": day + timedelta(days=1),
            "day_end_late": day + timedelta(days=1, hours=1),
            "hour": hour,
            "hour_end": hour + hour_long,
            "now": now,
            **{f"back_{name}": now - timedelta(hours=hours) for name, hours in back.items()},
        }
