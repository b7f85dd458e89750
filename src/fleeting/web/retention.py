"""Forgets jobs that ended long ago, and says in words what a server keeps and for how long."""

from __future__ import annotations

import time

from fleeting.web.frames import forget_tables
from fleeting.web.places import forget_files
from fleeting.web.reviews import forget_found
from fleeting.web.service import Service
from fleeting.web.store.queue import UnknownJobError

DAY = 86_400.0
EVERY = 600.0
"""Seconds between two looks for what is to be forgotten."""


def forget_old(given: Service) -> int:
    """Forget the jobs that ended before the days for which the server keeps them; how many they were."""
    days = given.settings.keep_days
    if days is None:
        return 0
    old = given.store.ended_before(time.time() - days * DAY)
    return sum(forget(given, id_) for id_ in old)


def forget(given: Service, id_: str) -> bool:
    """Forget everything of a job; whether there was one."""
    try:
        given.store.forget(id_)
    except UnknownJobError:
        return False
    finally:
        forget_files(given.folder, id_)
        forget_tables()
        forget_found()
    return True


def kept(given: Service) -> dict[str, str]:
    """What the server keeps, as sentences."""
    days = given.settings.keep_days
    until = (
        "until it is deleted" if days is None else f"until it is deleted, at most {days:g} days after its end"
    )
    return {
        "recordings": f"An uploaded video is kept {until}; one of this machine is only read where it lies.",
        "results": f"Tables, events, the report and pictures made of them are kept {until}.",
        "reviews": "What raters change, with their names and when, is kept as long as its job.",
        "logs": "Logs hold times, routes and ids of jobs: no names of files or people, no pictures.",
        "forgetting": "Deleting a job deletes its video, results, reviews and pictures from this machine.",
    }
