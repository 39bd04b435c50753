"""Simulate an MR image from tissues: grey values, texture, partial volume, bias field, Rician noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nnunet_cscn.phantom.fields import smooth_field
from nnunet_cscn.phantom.scene import Scene
from nnunet_cscn.phantom.tissues import APPEARANCES, Contrast, Tissue

Floats = NDArray[np.float32]


def simulate_mri(
    rng: np.random.Generator, scene: Scene, tumour: NDArray[np.bool_], *, contrast: Contrast = "t1"
) -> NDArray[np.int16]:
    """Simulate the MR image of a scene with a tumour.

    Args:
        rng: Random number generator.
        scene: The anatomy without the tumour.
        tumour: Mask of the tumour, (Z, Y, X).
        contrast: T1, or contrast-enhanced T1 (brighter vessels, mucosa and tumour).

    Returns:
        The image (Z, Y, X) in arbitrary units with a random scale.
    """
    grid = scene.grid
    means = _structure_means(rng, scene.tissues, contrast)
    grey = means[scene.structures] + _texture(rng, scene)
    inside = _tumour_grey(rng, scene, means, contrast)
    share = ndimage.gaussian_filter(tumour.astype(np.float32), [0.9 / step for step in grid.spacing_mm])
    grey += np.where(tumour, np.maximum(share, 0.6), share * 0.8) * (inside - grey)
    grey = ndimage.gaussian_filter(grey, (0.3, 0.75, 0.75))
    grey *= np.exp(0.13 * smooth_field(rng, grid, length_mm=70.0))
    noise = np.float32(rng.uniform(0.018, 0.035))
    real = np.maximum(grey, 0) + noise * rng.standard_normal(grid.shape, dtype=np.float32)
    imaginary = noise * rng.standard_normal(grid.shape, dtype=np.float32)
    magnitude = np.sqrt(real**2 + imaginary**2) * np.float32(rng.uniform(350, 900))
    return np.asarray(np.clip(np.rint(magnitude), 0, 32000), dtype=np.int16)


def _structure_means(rng: np.random.Generator, tissues: tuple[Tissue, ...], contrast: Contrast) -> Floats:
    """Return the mean grey value of each structure: tissue mean plus variation of patient and structure."""
    of_patient = {tissue: rng.normal(0, 0.7 * appearance.spread) for tissue, appearance in APPEARANCES.items()}
    means = [
        getattr(APPEARANCES[tissue], contrast) + of_patient[tissue] + rng.normal(0, 0.7 * APPEARANCES[tissue].spread)
        for tissue in tissues
    ]
    return np.asarray(np.clip(means, 0.0, 1.1), dtype=np.float32)


def _texture(rng: np.random.Generator, scene: Scene) -> Floats:
    """Return the variation inside the tissues: fibres in muscle and fat, fine grain elsewhere."""
    grain = smooth_field(rng, scene.grid, length_mm=1.4)
    fibres = smooth_field(rng, scene.grid, length_mm=(9.0, 4.5, 1.2))
    amplitude = np.zeros(len(Tissue), np.float32)
    fibrous = np.zeros(len(Tissue), np.float32)
    for tissue, appearance in APPEARANCES.items():
        is_fibrous = tissue in (Tissue.MUSCLE, Tissue.FAT)
        amplitude[tissue] = appearance.texture * (0.4 if is_fibrous else 1.0)
        fibrous[tissue] = appearance.texture * (0.9 if is_fibrous else 0.0)
    tissues = scene.tissue_map()
    texture: Floats = amplitude[tissues] * grain + fibrous[tissues] * fibres
    return texture


def _tumour_grey(rng: np.random.Generator, scene: Scene, means: Floats, contrast: Contrast) -> Floats:
    """Return the grey values of the tumour: between muscle and mucosa of this patient, with nodules."""
    muscle, mucosa = (
        float(np.mean([m for m, t in zip(means, scene.tissues, strict=True) if t == tissue] or [0.4]))
        for tissue in (Tissue.MUSCLE, Tissue.MUCOSA)
    )
    share = rng.uniform(0.55, 0.8)
    nodules = smooth_field(rng, scene.grid, length_mm=3.2)
    grain = smooth_field(rng, scene.grid, length_mm=1.3)
    grey: Floats = (muscle + share * (mucosa - muscle) + 0.07 * nodules + 0.02 * grain).astype(np.float32)
    return grey
