from pathlib import Path

import pytest

from nnunet_cscn.cli.out_options import chosen_out
from nnunet_cscn.errors import ArgumentError


def test_either_place_names_the_folder():
    assert chosen_out(Path("a"), None) == chosen_out(None, Path("a")) == Path("a")
    assert chosen_out(None, None) is None


def test_two_folders_are_refused_and_none_is_left_out_silently():
    with pytest.raises(ArgumentError, match="got a and b"):
        chosen_out(Path("a"), Path("b"))
