"""Drawing more samples of the rare classes with a diffusion model that is trained on the training side only.

A class-conditional DDPM (Ho et al. 2020, arXiv:2006.11239) with the cosine schedule of Nichol and Dhariwal
(2021): a U-Net learns to predict the noise in a picture by mean squared error, and pictures are drawn with
DDPM's own update (the paper's equation 10 is a different one). The network learns how pictures differ from
the mean of their class, with one cycle of learning rate and momentum (our reading: without these two,
samples of a small network have a wrong overall level). It is trained anew for every fold; the caller of
`drawn` has only the training side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fleeting.errors import OptionError
from fleeting.optional import diffusers, later
from fleeting.training.options import Diffusion
from fleeting.types import FloatArray, IntArray

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
    from torch import Tensor, nn
else:
    F = later("torch.nn.functional", "train")
    torch = later("torch", "train")

MULTIPLE = 4
"""Pictures are padded until each side is a multiple of this, in pixels: the U-Net halves a side twice."""


def drawn(
    arrays: Sequence[FloatArray],
    labels: IntArray,
    classes: int,
    options: Diffusion,
    seed: int,
    device: torch.device,
) -> tuple[tuple[FloatArray, ...], IntArray]:
    """New samples that fill up the rare classes: arrays (m, channels, height, width), class indices (m,).

    The inputs of one clip are drawn together. The same seed gives the same samples. Raises OptionError where
    inputs have different sizes, and MissingExtraError where diffusers is not installed.
    """
    refuse_undrawable(arrays)
    wanted = _wanted(labels, classes, options.fill)
    if not len(wanted):
        return tuple(array[:0] for array in arrays), wanted
    together = np.concatenate(arrays, axis=1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        artist = _Artist(together, labels, classes, options, device)
        pictures = artist.draw(wanted)
    edges = np.cumsum([array.shape[1] for array in arrays])[:-1]
    return tuple(np.ascontiguousarray(part) for part in np.split(pictures, edges, axis=1)), wanted


def refuse_undrawable(arrays: Sequence[FloatArray]) -> None:
    """Raise the errors of `drawn` early: OptionError on inputs of different sizes, MissingExtraError."""
    if len({array.shape[2:] for array in arrays}) > 1:
        sizes = ", ".join("x".join(map(str, array.shape[2:])) for array in arrays)
        raise OptionError(f"diffusion draws all inputs of a clip together, found sizes {sizes}; use one size")
    _parts()


def _wanted(labels: IntArray, classes: int, fill: float) -> IntArray:
    """The class of each sample to draw; a class without training samples cannot be drawn."""
    counts = np.bincount(labels, minlength=classes)
    goal = round(fill * counts.max())
    missing = [max(0, goal - count) if count else 0 for count in counts.tolist()]
    return np.repeat(np.arange(classes, dtype=np.int64), missing)


class _Artist:
    """A DDPM that is trained on one training side and draws pictures like it."""

    def __init__(
        self, pictures: FloatArray, labels: IntArray, classes: int, options: Diffusion, device: torch.device
    ) -> None:
        unet, scheduler = _parts()
        self._options, self._device = options, device
        self._low = pictures.min(axis=(0, 2, 3), keepdims=True)
        self._range = np.maximum(pictures.max(axis=(0, 2, 3), keepdims=True) - self._low, 1e-6)
        self._shape = pictures.shape[1:]
        given = _padded(torch.from_numpy(2 * (pictures - self._low) / self._range - 1).float())
        whose = torch.from_numpy(labels)
        self._means = torch.stack([given[whose == label].mean(dim=0) for label in range(classes)])
        self._given = (given - self._means[whose]).to(device)
        self._labels = whose.to(device)
        width = options.width
        self._net: nn.Module = unet(
            sample_size=tuple(self._given.shape[2:]),
            in_channels=self._shape[0],
            out_channels=self._shape[0],
            layers_per_block=1,
            block_out_channels=(width, 2 * width, 2 * width),
            down_block_types=("DownBlock2D", "DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
            num_class_embeds=classes,
            norm_num_groups=8,
            attention_head_dim=8,
        ).to(device)
        self._scheduler = scheduler(
            num_train_timesteps=options.steps,
            beta_schedule="squaredcos_cap_v2",
            clip_sample_range=float(self._given.abs().max()),
        )
        self._train()

    def _train(self) -> None:
        options, count = self._options, len(self._given)
        optimizer = torch.optim.AdamW(self._net.parameters(), options.lr)
        steps = options.epochs * -(-count // options.batch)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, options.lr, total_steps=steps)
        self._net.train()
        for _ in range(options.epochs):
            for chosen in torch.split(torch.randperm(count), options.batch):
                index = chosen.to(self._device)
                clean = self._given[index]
                noise = torch.randn(clean.shape).to(self._device)
                step = torch.randint(0, options.steps, (len(clean),)).to(self._device)
                noisy = self._scheduler.add_noise(clean, noise, step)
                loss = F.mse_loss(self._predicted(noisy, step, self._labels[index]), noise)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                schedule.step()

    def draw(self, labels: IntArray) -> FloatArray:
        """One picture for each class index, within the value range of the training pictures."""
        self._net.eval()
        self._scheduler.set_timesteps(min(self._options.sampling_steps, self._options.steps))
        wanted = torch.from_numpy(labels).to(self._device)
        with torch.inference_mode():
            pieces = [self._drawn(part).cpu() for part in torch.split(wanted, 256)]
        height, width = self._shape[1:]
        drawn = torch.cat(pieces) + self._means[torch.from_numpy(labels)]
        pictures = drawn[:, :, :height, :width].clamp(-1, 1).numpy()
        return np.asarray((pictures + 1) / 2 * self._range + self._low, dtype=np.float32)

    def _drawn(self, labels: Tensor) -> Tensor:
        pictures = torch.randn(len(labels), *self._given.shape[1:]).to(self._device)
        for step in self._scheduler.timesteps:
            noise = self._predicted(pictures, step.to(self._device).expand(len(labels)), labels)
            pictures = self._scheduler.step(noise, step, pictures).prev_sample
        return pictures

    def _predicted(self, noisy: Tensor, step: Tensor, labels: Tensor) -> Tensor:
        predicted: Tensor = self._net(noisy, step, class_labels=labels).sample
        return predicted


def _padded(pictures: Tensor) -> Tensor:
    """Pictures with their right and lower edge repeated until each side is a multiple of MULTIPLE."""
    height, width = pictures.shape[2:]
    return F.pad(pictures, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="replicate")


def _parts() -> tuple[Any, Any]:
    """The classes of the U-Net and of the scheduler; loading them contacts no server."""
    package = diffusers()
    return package.UNet2DModel, package.DDPMScheduler
