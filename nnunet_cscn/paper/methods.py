"""The methods of Table 1 of the paper, and the published results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nnunet_cscn.errors import ArgumentError


@dataclass(frozen=True)
class PublishedResult:
    """A row of Table 1 of the paper.

    Attributes:
        dsc: Mean DSC.
        assd_mm: Mean ASSD in mm.
        f1: F1 score.
    """

    dsc: float
    assd_mm: float
    f1: float


PROPOSED = "CSCN"

# In the order of the tables: CSCN, then its parts, then the other methods.
TRAINERS: Mapping[str, str] = {
    PROPOSED: "CSCNPaperTrainer",
    "BUNet": "BUNetPaperTrainer",
    "ACDNet": "ACDNetPaperTrainer",
    "CNN": "CNNPaperTrainer",
    "DeepLab": "DeepLabPaperTrainer",
    "V-Net": "VNetPaperTrainer",
}

# Table 1 of doi:10.32604/iasc.2022.019785, and its section 4.4 for the physicians. V-Net did not converge there, and
# BUNet alone has no row.
PUBLISHED: Mapping[str, PublishedResult] = {
    PROPOSED: PublishedResult(0.741, 1.212, 0.756),
    "ACDNet": PublishedResult(0.712, 1.493, 0.741),
    "CNN": PublishedResult(0.707, 1.514, 0.728),
    "DeepLab": PublishedResult(0.714, 1.399, 0.722),
}
PUBLISHED_OBSERVERS = PublishedResult(0.642, 2.692, 0.686)


def chosen_methods(text: str | None) -> list[str]:
    """Return the methods in a list such as ``CSCN,V-Net``, in the order of the tables. None for all methods.

    Raises:
        ArgumentError: When a method is unknown.

    Example:
        >>> chosen_methods("vnet, CSCN")
        ['CSCN', 'V-Net']
    """
    if text is None:
        return list(TRAINERS)
    by_plain_name = {_plain(name): name for name in TRAINERS}
    wanted = text.split(",")
    if unknown := [part for part in wanted if _plain(part) not in by_plain_name]:
        raise ArgumentError("methods", f"unknown method {unknown[0].strip()}; available: {', '.join(TRAINERS)}")
    return [name for name in TRAINERS if _plain(name) in map(_plain, wanted)]


def _plain(name: str) -> str:
    return name.strip().lower().replace("-", "")
