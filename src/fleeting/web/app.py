"""The app of the service: its routes, what guards them, and what it does when it starts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from fleeting.version import __version__
from fleeting.web.answers import REFUSALS
from fleeting.web.guard import Guard
from fleeting.web.logs import fault, log
from fleeting.web.metrics import Metrics
from fleeting.web.places import clear, jobs_folder, uploads
from fleeting.web.refusals import answer_errors
from fleeting.web.retention import EVERY, forget_old
from fleeting.web.routes import exports, jobs, live, pictures, reviews, runs, server
from fleeting.web.service import Service
from fleeting.web.settings import ServiceSettings
from fleeting.web.single_pictures import checked
from fleeting.web.store import Store
from fleeting.web.studio import Turns

ROUTERS = ("fleeting.web.page.pages", "fleeting.web.media.routes")
"""Modules whose ``router`` the app has too: the page, and a job's pictures and video."""


@dataclass(frozen=True)
class _Nobody:
    """Stands for the workers of an app that was started without any."""

    alive: int = 0


NOBODY = _Nobody()


def application(settings: ServiceSettings) -> FastAPI:
    """The service with these settings, as an ASGI app; its workers are started by `fleeting.web.server`.

    Raises OptionError where the store or the folder cannot be used.
    """
    for folder in (settings.folder, jobs_folder(settings.folder), uploads(settings.folder)):
        folder.mkdir(parents=True, exist_ok=True)
    store = Store(settings.store_url)
    clear(settings.folder, {job.id for job in store.jobs()})
    given = Service(settings, store)
    forget_old(given)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(_forgetting(given))
        yield
        task.cancel()
        _stop_media()
        store.close()

    app = FastAPI(
        title="fleeting",
        version=__version__,
        summary="Face video to micro-expression events, on your own machine.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        responses=REFUSALS,
    )
    app.state.service = given
    app.state.metrics = metrics = Metrics(store.counts, lambda: getattr(app.state, "workers", NOBODY).alive)
    app.state.settings, app.state.store, app.state.folder = settings, store, settings.folder
    app.state.picture_models = checked(settings)
    app.state.live, app.state.turns = 0, Turns()
    answer_errors(app)
    app.add_middleware(Guard, settings=settings, metrics=metrics)
    for part in (jobs, reviews, exports, runs, live, pictures, server):
        app.include_router(part.router)
    for name in ROUTERS:
        if find_spec(name.rpartition(".")[0]) and find_spec(name):
            app.include_router(import_module(name).router)
    return app


async def _forgetting(given: Service) -> None:
    """Forget old jobs now and then, as long as the server runs."""
    while True:
        await asyncio.sleep(EVERY)
        try:
            if forgotten := await run_in_threadpool(forget_old, given):
                log("old jobs forgotten", jobs=forgotten)
        except SQLAlchemyError as error:
            log("old jobs could not be forgotten", **fault(error))


def _stop_media() -> None:
    """End the copies of videos that are being made for the page."""
    if find_spec("fleeting.web.media"):
        import_module("fleeting.web.media.media").stop_making()
