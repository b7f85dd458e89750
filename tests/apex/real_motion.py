"""Clips of a photographed face whose skin is moved by the measured motion of real micro-expressions."""

import csv

import numpy as np

from fleeting.faces import landmarks, networks
from fleeting.optional import cv2
from fleeting.types import Clip
from tests.fixtures.bumps import EDGE, HEIGHT, WIDTH, face

REACH = 0.13
"""How far a point moves the skin around it, in eye distances."""
NOISE = 1.5
"""Standard deviation of the noise in each frame, in gray levels."""


def moved_faces(folder, subjects):
    """A clip at 200 fps for each track of these people whose apex is annotated; ``folder`` is real-tracks."""
    picture = face("astronaut")
    mesh = _mesh(picture)
    eye = landmarks.outer_distance(mesh)
    with np.load(folder / "tracks.npz") as stored, (folder / "index.csv").open(newline="") as file:
        points = mesh[stored["points"]]
        rows, columns = np.mgrid[0 : picture.shape[0], 0 : picture.shape[1]].astype(np.float32)
        everywhere = np.stack([columns, rows], axis=-1)
        spread = _near(everywhere, points, eye) @ np.linalg.inv(
            _near(points, points, eye) + 0.05 * np.eye(45)
        )
        for row in csv.DictReader(file):
            if row["subject"] in subjects and int(row["apex_index"]) >= 0:
                track = stored[row["clip"]].astype(np.float32) * eye / 100
                frames = _frames(picture, everywhere, spread @ np.moveaxis(track, 0, 1).reshape(45, -1))
                times = np.arange(len(track)) / 200
                yield Clip(frames, times, 0, int(row["apex_index"]), len(track) - 1)


def _mesh(picture):
    image = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    wide = cv2().copyMakeBorder(image, 60, 60, 60, 60, cv2().BORDER_REFLECT)
    mesh, _ = networks.mesh(wide, networks.square_of_detection(networks.detect(wide)[0]))
    return mesh[:, :2] - 60


def _near(places, points, eye):
    square = ((places[..., None, :] - points) ** 2).sum(axis=-1)
    return np.exp(-square / (2 * (REACH * eye) ** 2))


def _frames(picture, everywhere, shift):
    rng = np.random.default_rng(0)
    shift = shift.reshape(*everywhere.shape[:2], -1, 2)
    shown = []
    for number in range(shift.shape[2]):
        where = (everywhere - shift[:, :, number]).astype(np.float32)
        moved = cv2().remap(picture, where[..., 0], where[..., 1], cv2().INTER_CUBIC)
        inside = moved[EDGE : EDGE + HEIGHT, EDGE : EDGE + WIDTH]
        noisy = inside + rng.normal(0, NOISE, inside.shape)
        shown.append(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))
    return np.stack(shown)
