"""Regions of interest by name, by pattern, and by what people call them instead of TG-263's names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from nnunet_cscn.errors import UserError

# TG-263 names (AAPM report 263, doi:10.1016/j.ijrobp.2017.12.013) and what is met in their place, in small letters
# without anything but letters and digits.
SYNONYMS = {
    "GTVp": ("gtvp", "gtvprimary", "gtvt", "gtvtumour", "gtvtumor", "gtvnx", "gtvnasopharynx", "primarygtv"),
    "GTVn": ("gtvn", "gtvnd", "gtvnode", "gtvnodes", "gtvnodal", "gtvln", "nodalgtv"),
    "GTV": ("gtv", "grosstumourvolume", "grosstumorvolume", "gtvmass", "mass", "tumour", "tumor"),
}

_NUMBER = re.compile(r" \[\d+\]$")


def choose_roi(wanted: str, names: Iterable[str]) -> list[str]:
    """Return the regions that a name or a pattern means.

    Tried in turn: the exact name, the name in other letters' case, synonyms of a TG-263 name, a regular expression that
    has to fit the whole name. Regions of one name, which are numbered, all have that name.

    Args:
        wanted: A name such as ``GTVp``, or a pattern such as ``GTV.*``.
        names: Those that a structure set has.

    Returns:
        The names, in the given order; none where nothing fits.

    Raises:
        UserError: When the pattern is no regular expression.

    Example:
        >>> choose_roi("GTVp", ["Body", "GTV_primary"]), choose_roi("gtv.*", ["GTV_Mass", "GTV_Edema"])
        (['GTV_primary'], ['GTV_Mass', 'GTV_Edema'])
    """
    known, wanted = list(names), wanted.strip()
    synonyms = next((texts for name, texts in SYNONYMS.items() if name.casefold() == wanted.casefold()), ())
    tests = (
        lambda name: name == wanted,
        lambda name: common_name(name) == wanted,
        lambda name: common_name(name).casefold() == wanted.casefold(),
        lambda name: _letters(common_name(name)) in synonyms,
    )
    for fits in tests:
        if found := [name for name in known if fits(name)]:
            return found
    try:
        pattern = re.compile(wanted, re.IGNORECASE)
    except re.error as fault:
        raise UserError(f"{wanted} is neither an ROI name nor a valid regular expression ({fault})") from None
    return [name for name in known if pattern.fullmatch(name) or pattern.fullmatch(common_name(name))]


def common_name(name: str) -> str:
    """Return a region's name without the number that tells regions of one name apart.

    Example:
        >>> common_name("Lesion [2]"), common_name("GTVp")
        ('Lesion', 'GTVp')
    """
    return _NUMBER.sub("", name)


def available(names: Sequence[str]) -> str:
    """List the regions that there are, for a sentence.

    Example:
        >>> available(["GTVp", "Body"]), available([])
        ("'GTVp', 'Body'", 'none')
    """
    return ", ".join(map(repr, names)) or "none"


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
