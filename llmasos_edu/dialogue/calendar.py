"""The assistant's calendar: a file for each user in the form that calendar programs read (chapter 6.1.2).

Source: RFC 5545, "Internet Calendaring and Scheduling Core Object Specification", sections 3.3.5 (times),
3.3.11 (text) and 3.6.1 (events).
"""

import datetime
import errno
import hashlib
import re
from pathlib import Path

from llmasos_edu.dialogue.database import check_owner, owner
from llmasos_edu.dialogue.lexicon import DAYS
from llmasos_edu.foundation.files import write_atomically
from llmasos_edu.kernel.process import Process
from llmasos_edu.kernel.syscalls import SyscallTable

HEAD = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//LLMasOS edu//chapter 6.1//EN\r\n"
TAIL = "END:VCALENDAR\r\n"
LONGEST = 60  # bytes of a title: its line needs no folding (section 3.1 allows 75)
EVENT = re.compile(r"DTSTART:(\S+)\r\nDURATION:PT1H\r\nSUMMARY:(.*?)\r\n")
TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)


class Calendar:
    """Appointments of an hour each, a file `<digest of the user>.ics` for each user.

    Args:
        folder: of the files; made where it is missing.
        today: from which day "Friday" is the next one.

    Raises:
        TypeError: a day that is no date.
    """

    def __init__(self, folder: str | Path, *, today: datetime.date = datetime.date(2026, 1, 5)):
        check_date(today)
        self.folder, self.today = Path(folder), today
        self.folder.mkdir(parents=True, exist_ok=True)

    def install(self, table: SyscallTable, **times: float) -> None:
        """Register `calendar.add`, with the right of its name; times as in `SyscallTable.register`."""
        table.register("calendar.add", self.add, effect=True, **times)

    def path(self, user: str) -> Path:
        """The file of a user; a name is no path, so its digest is.

        Raises:
            ValueError: no user.
        """
        check_owner(user)
        return self.folder / f"{hashlib.sha256(user.encode()).hexdigest()[:16]}.ics"

    def add(self, process: Process, what: str, day: str, time: str) -> str:
        """Enter an appointment of the caller's, whole or not at all.

        Errors: `EINVAL` a day, time or title that there is not; `EEXIST` the time is taken, and by what.
        """
        return self.put(owner(process), what, day, time)

    def put(self, user: str, what: str, day: str, time: str) -> str:
        """`add` for a user by name, for the program itself."""
        path, start = self.path(user), self._start(day, time)
        if not _is_title(what):
            raise OSError(errno.EINVAL, f"a title has 1 to {LONGEST} bytes in one line")
        events = self.events(user)
        if start in events:
            raise FileExistsError(errno.EEXIST, events[start])
        events[start] = what
        blocks = "".join(
            _block(path.stem, start, title, self.today) for start, title in sorted(events.items())
        )
        write_atomically(path, (HEAD + blocks + TAIL).encode())
        return "noted"

    def events(self, user: str) -> dict[str, str]:
        """What stands in a user's file: `{start: title}`, starts as `20260109T143000`.

        Raises:
            OSError: `EIO`, the file is none of ours or was cut.
        """
        path = self.path(user)
        if not path.exists():
            return {}
        text = path.read_bytes().decode(errors="replace")
        if not (text.startswith(HEAD) and text.endswith(TAIL)):
            raise OSError(errno.EIO, f"{path.name} was cut or changed")
        return {start: re.sub(r"\\(.)", r"\1", title) for start, title in EVENT.findall(text)}

    def _start(self, day: str, time: str) -> str:
        match = TIME.fullmatch(time) if isinstance(time, str) else None
        if day not in list(DAYS) or match is None:
            raise OSError(errno.EINVAL, f"{day} {time} is no day and time")
        ahead = (list(DAYS).index(day) - self.today.weekday()) % 7
        date = self.today + datetime.timedelta(days=ahead)
        return f"{date:%Y%m%d}T{int(match[1]):02}{match[2]}00"


def check_date(today: datetime.date) -> None:
    """Refuse what is no date, as the name of a day.

    Raises:
        TypeError: with what came instead.
    """
    if not isinstance(today, datetime.date):
        raise TypeError(f"today={today!r} is no date: datetime.date(2026, 1, 5)")


def _is_title(what: str) -> bool:
    """Whether it is a text of whole characters in one line, and short enough."""
    if not isinstance(what, str) or any(ord(sign) < 32 or "\ud800" <= sign <= "\udfff" for sign in what):
        return False
    return 0 < len(what.encode()) <= LONGEST


def _block(stem: str, start: str, title: str, today: datetime.date) -> str:
    title = re.sub(r"([\\;,])", r"\\\1", title)
    lines = ["BEGIN:VEVENT", f"UID:{stem}-{start}@llmasos.invalid", f"DTSTAMP:{today:%Y%m%d}T000000Z"]
    lines += [f"DTSTART:{start}", "DURATION:PT1H", f"SUMMARY:{title}", "END:VEVENT"]
    return "".join(f"{line}\r\n" for line in lines)
