"""The command that serves the page and the REST API."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from fleeting.cli.parsing import app
from fleeting.cli.printing import complain, say

if TYPE_CHECKING:
    from fleeting.web.settings import Limits, ServiceSettings


@Parameter(name="*")
@dataclass(frozen=True)
class Most:
    """What the server takes at most."""

    most_megabytes: float = 8192
    """Megabytes of an upload."""
    most_minutes: float = 240
    """Minutes of a video."""
    most_waiting: int = 200
    """Jobs that may wait."""
    most_requests: int = 6000
    """Requests of one address in a minute."""
    most_uploads: int = 120
    """Uploads of one address in a minute."""

    def limits(self) -> Limits:
        """The same as the server takes it."""
        from fleeting.web.settings import Limits

        return Limits(
            bytes=int(self.most_megabytes * 1e6),
            seconds=self.most_minutes * 60,
            queue=self.most_waiting,
            requests=self.most_requests,
            uploads=self.most_uploads,
        )


@app.command
def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    store: str | None = None,
    folder: Path = Path("fleeting-service"),
    workers: int = 1,
    runs: Path | None = None,
    local_folder: Path | None = None,
    picture_models: Annotated[list[Path] | None, Parameter(name="--picture-model", negative="")] = None,
    token: Annotated[str | None, Parameter(env_var="FLEETING_TOKEN")] = None,
    names: Annotated[list[str] | None, Parameter(name="--name", negative="")] = None,
    keep_days: float | None = None,
    most: Most = Most(),
) -> int:
    """The web page and the REST API, until Ctrl-C: videos in, events out, to review, correct and export.

    Args:
        host: Where it listens. Whoever reaches another address than the loopback one needs the token.
        port: The port; 0 takes a free one.
        store: The database: postgresql://USER@HOST/DATABASE, or sqlite:///FILE; without it, one in --folder.
        folder: Where videos and results lie.
        workers: How many videos are analysed at once, each by a process of its own.
        runs: A folder of runs to show.
        local_folder: A folder whose videos may be named by their path instead of being uploaded.
        picture_models: Weights of `fleeting train` that take one frame, to classify single pictures by; may
            be given several times. None ships.
        token: What those who ask have to know; without it, one is made up where it is needed, and printed.
        names: A host name besides its own under which the server may be asked; may be given several times.
        keep_days: Days after its end at which a job is forgotten with all that belongs to it.
    """
    from secrets import token_urlsafe

    from fleeting.optional import web

    web()
    from fleeting.web.settings import ServiceSettings, is_loopback

    made_up = None if token or is_loopback(host) else token_urlsafe(24)
    settings = ServiceSettings(
        folder=folder,
        store=store,
        host=host,
        port=port,
        workers=workers,
        runs=runs,
        local_folder=local_folder,
        picture_models=tuple(picture_models or ()),
        token=token or made_up,
        names=tuple(names or ()),
        keep_days=keep_days,
        limits=most.limits(),
    )
    _serve(settings, f"?token={made_up}" if made_up else "")
    return 0


def _serve(settings: ServiceSettings, shown: str) -> None:
    """Serve until Ctrl-C; the address that is printed ends with ``shown``."""
    from fleeting.web.server import serve as run

    def ready(port: int) -> None:
        name = f"[{settings.host}]" if ":" in settings.host else settings.host
        say(f"http://{name}:{port}/{shown}")
        complain(
            f"videos and results lie in {settings.folder.absolute()}; Ctrl-C ends it, and no job is lost"
        )

    run(settings, ready)
