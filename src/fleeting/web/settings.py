"""The settings of a server: where it keeps what, whom it answers, and how much it takes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self

from fleeting.errors import OptionError

LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))
"""The names under which a machine reaches itself, and nobody else reaches it."""
LEAST_TOKEN = 16
"""Fewest characters of a token: shorter ones can be guessed."""


@dataclass(frozen=True)
class Limits:
    """How much a server takes; what exceeds a limit is refused with a sentence.

    ``bytes`` of one upload, ``seconds`` of video in one job, ``queue`` jobs that wait, ``requests`` and
    ``uploads`` of one address in a minute, ``live`` sockets at once, ``picture`` bytes of one picture that is
    sent to a socket, ``live_seconds`` of one socket, ``pixels`` of one picture, ``photo`` bytes of a picture
    that is uploaded by itself.
    """

    bytes: int = 8 * 2**30
    seconds: float = 4 * 3600.0
    queue: int = 200
    requests: int = 6000
    uploads: int = 120
    live: int = 4
    picture: int = 4 * 2**20
    live_seconds: float = 4 * 3600.0
    pixels: int = 2**26
    photo: int = 32 * 2**20

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not value > 0:
                raise OptionError(f"the limit of {name} is {value}, expected a number above 0; raise it")


@dataclass(frozen=True)
class ServiceSettings:
    """The settings of one server; its workers get the same.

    Jobs lie below ``folder``; ``store`` is the address of the database (None is SQLite in ``folder``).
    ``runs`` is a folder with runs to show, ``local_folder`` one whose videos may be named by their path.
    ``picture_models`` are weights, files or folders, that take one frame and classify single pictures.
    ``token`` is asked for wherever it is given; off the loopback address it has to be. ``names`` are host
    names besides its own under which the server may be asked. Jobs that ended more than ``keep_days`` ago are
    forgotten; None keeps them. ``lease`` seconds after its last sign of life a worker has lost its job.
    Raises OptionError on values that no server can have.
    """

    folder: Path
    store: str | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    runs: Path | None = None
    local_folder: Path | None = None
    picture_models: tuple[Path, ...] = ()
    token: str | None = None
    names: tuple[str, ...] = ()
    keep_days: float | None = None
    lease: float = 15.0
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not 0 <= self.port < 65536:
            raise OptionError(f"the port is {self.port}, expected 0 to 65535; 0 takes a free one")
        if self.workers < 0:
            raise OptionError(f"there are {self.workers} workers, expected 0 or more; 0 only queues")
        if self.keep_days is not None and not self.keep_days > 0:
            raise OptionError(
                f"keep_days is {self.keep_days}, expected more than 0; leave it out to keep all"
            )
        if self.token is not None and len(self.token) < LEAST_TOKEN:
            found = f"the token has {len(self.token)} characters"
            raise OptionError(f"{found}, expected {LEAST_TOKEN} or more; make it longer")
        if not is_loopback(self.host) and self.token is None:
            raise OptionError(f"{self.host} can be reached by others, so a token is needed; give --token")
        for name in ("runs", "local_folder"):
            path = getattr(self, name)
            if path is not None and not path.is_dir():
                raise OptionError(f"{path} is no folder, expected one for {name}; name another")
        for path in self.picture_models:
            if not path.exists():
                raise OptionError(f"there are no weights at {path}; name a file or folder of fleeting train")

    @property
    def store_url(self) -> str:
        """The address of the database, as SQLAlchemy takes it."""
        return self.store or f"sqlite:///{(self.folder / 'fleeting.db').absolute()}"

    def as_json(self) -> str:
        """The settings as text, which `from_json` reads back: how a worker process gets them."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The settings that `as_json` wrote. Raises ValueError or TypeError on other text."""
        given: dict[str, Any] = json.loads(text)
        paths = {name: given[name] and Path(given[name]) for name in ("folder", "runs", "local_folder")}
        more: dict[str, Any] = {"limits": Limits(**given["limits"]), "names": tuple(given["names"])}
        more |= {"picture_models": tuple(map(Path, given["picture_models"]))}
        known = {one.name for one in fields(cls)}
        return cls(**{**{name: given[name] for name in known}, **paths, **more})


def is_loopback(host: str) -> bool:
    """Whether a server that listens at ``host`` is reached from its own machine alone."""
    if host in LOOPBACK:
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
