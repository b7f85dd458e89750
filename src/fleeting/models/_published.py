"""Weights that others have published for networks of ours: their files, and where each is to be had.

Nothing is downloaded: users fetch a file themselves and put it, under its published name, into one folder.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from fleeting.errors import OptionError, WeightsError
from fleeting.files import user_cache
from fleeting.models._pretrained import sha256_of

IMAGENET = "imagenet"
"""The name by which a recipe's ``model.pretrained`` asks for the published weights of its network."""
TORCHVISION = "https://download.pytorch.org/models/"
TIMM = "https://github.com/rwightman/pytorch-image-models/releases/download/"


@dataclass(frozen=True)
class Published:
    """A published file of weights, trained on ImageNet-1k, by its name, and the ``address`` to fetch it from.

    The name ends in the first digits of the file's SHA-256, as torch's own loader has it.
    """

    file: str
    address: str
    source: str

    @property
    def digits(self) -> str:
        """The first digits of the file's SHA-256. Raises OptionError where its name has none."""
        found = re.search(r"-([0-9a-f]{8,64})\.\w+$", self.file)
        if found is None:
            raise OptionError(f"{self.file} does not end in digits of a SHA-256; name it as it was published")
        return found[1]

    def whole(self, path: Path) -> bool:
        """Whether the file at ``path`` has the SHA-256 of which its name has the first digits."""
        return sha256_of(path).startswith(self.digits)


def _of(file: str, source: str = "torchvision", base: str = TORCHVISION) -> Published:
    return Published(file, base + file, source)


published: dict[str, tuple[Published, ...]] = {
    "alexnet": (_of("alexnet-owt-7be5be79.pth"),),
    "efficientnet-b0": (_of("efficientnet_b0_rwightman-7f5810bc.pth"),),
    "mobilevit": (_of("mobilevit_s-38a5a959.pth", "timm", f"{TIMM}v0.1-mvit-weights/"),),
    "resnet18": (_of("resnet18-f37072fd.pth"),),
    "resnet50": (_of("resnet50-0676ba61.pth"), _of("resnet50-11ad3fa6.pth")),
    "vgg19": (_of("vgg19-dcbb9e9d.pth"),),
    "vit": (_of("vit_b_16-c867db91.pth"),),
}
"""The published files of each network that has any; of several the first that is here is used."""


def weights_folder() -> Path:
    """Where published files are looked for: ``$FLEETING_WEIGHTS``, else below the cache of inputs.

    Raises OptionError for a user without a home who has named neither folder.
    """
    if named := os.environ.get("FLEETING_WEIGHTS"):
        return Path(named).expanduser()
    cache = os.environ.get("FLEETING_CACHE", "")
    below = Path(cache) if cache and cache != "off" else user_cache()
    if below is None:
        raise OptionError("this user has no home for weights; name a folder with FLEETING_WEIGHTS")
    return below / "weights"


def weights_file(model: str, given: str) -> Path:
    """The file of weights that ``model.pretrained`` names: a path, or the published one for ``imagenet``.

    Raises OptionError on ``imagenet`` for a model of which no weights were published, WeightsError where the
    published file is not in its folder, or is not what its name says.
    """
    if given != IMAGENET:
        return Path(given)
    if model not in published:
        known = ", ".join(sorted(published))
        raise OptionError(f"no weights are published for {model}, only for {known}; name a file of your own")
    folder = weights_folder()
    for one in published[model]:
        path = folder / one.file
        if path.is_file():
            if not one.whole(path):
                raise WeightsError(
                    f"{path} has another SHA-256 than its name says; fetch it again from {one.address}"
                )
            return path
    first = published[model][0]
    raise WeightsError(
        f"{first.file} is not in {folder}; fetch it from {first.address} and put it there (`fleeting weights`"
        " lists all such files and checks them)"
    )
