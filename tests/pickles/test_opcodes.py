import collections
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

import hostile_files
from nnunet_cscn.pickles.allowed import IN_CHECKPOINTS, IN_POSTPROCESSING
from nnunet_cscn.pickles.opcodes import LARGEST, DamagedPickle, foreign_to

KINDS = tuple(hostile_files.by_hand(Path("x")))


@pytest.mark.parametrize("kind", KINDS)
def test_what_would_run_is_named_and_does_not_run(tmp_path, kind):
    trace = tmp_path / "ran"
    content = hostile_files.by_hand(trace)[kind]
    assert foreign_to(IN_CHECKPOINTS, content) == ["posix.system"]
    assert not trace.exists()
    pickle.loads(content)  # the pickle is one that does run
    assert trace.exists()


@pytest.mark.parametrize("protocol", range(2, 6))
def test_what_checkpoints_hold_is_not_foreign(protocol):
    content = {"scores": [np.float32(0.5), np.float64(0.25)], "order": collections.OrderedDict(a=(1, 2.5, None, True))}
    # protocols that no checkpoint has build an ordered dictionary and bytes in the same way
    assert foreign_to(IN_CHECKPOINTS, pickle.dumps(content, protocol=protocol)) == []


def test_each_name_is_told_once_in_the_order_of_the_instructions():
    content = pickle.dumps([os.getcwd, print, os.getcwd], protocol=2)
    assert foreign_to((), content) == ["posix.getcwd", "__builtin__.print"]


def test_a_name_that_is_worked_out_while_reading_is_foreign():
    # _codecs.encode makes a text of another one; the name that it stands for is known to nobody before
    content = b"\x80\x04c_codecs\nencode\n\x8c\x05posix\x8c\x06latin1\x86R\x8c\x06system\x93."
    assert foreign_to(IN_CHECKPOINTS, content) == ["code whose name is computed"]


def test_numbered_extensions_are_foreign():
    assert foreign_to((), b"\x80\x02\x82\x05.") == ["extension 5 of this Python"]


def test_keys_that_take_years_to_hash_are_foreign():
    # fifty pairs, each of twice the one before: as a key, 2**50 steps
    content = b"}K\x01\x85" + b"q\x00h\x00\x86" * 50 + b"K\x01s."
    assert foreign_to((), content) == ["a dictionary key that is not text or a small number"]


@pytest.mark.parametrize("content", [b"", b"}", b"h\x07.", b"R.", b"\xff.", b"X\xff\xff\xff\x7fa.", b"Inan\n."])
def test_what_is_no_whole_pickle_is_told(content):
    with pytest.raises(DamagedPickle):
        foreign_to((), content)


def test_instructions_without_end_are_refused():
    with pytest.raises(DamagedPickle, match="instructions"):
        foreign_to((), b"K\x01" * (LARGEST // 2) + b".")


def test_nnunets_postprocessing_is_not_foreign():
    remove_components = pytest.importorskip("nnunetv2.postprocessing.remove_connected_components")
    functions = [remove_components.remove_all_but_largest_component_from_segmentation]
    content = pickle.dumps((functions, [{"labels_or_regions": [1, (1, 2)], "background_label": 0}]))
    assert foreign_to(IN_POSTPROCESSING, content) == []


def test_numbers_that_share_a_hash_are_no_keys():
    """A million of them would take hours to put into one dictionary."""
    content = {number * (2**61 - 1): 0 for number in range(1, 4)}
    assert foreign_to((), pickle.dumps(content)) == ["a dictionary key that is not text or a small number"]
    assert foreign_to((), pickle.dumps({2**59: 0, 5: 1})) == []
