import pytest

from nnunet_cscn.errors import UserError
from nnunet_cscn.evaluation.labels import EvaluatedLabels
from nnunet_cscn.workflows.labels import chosen_labels


def test_without_any_choice_every_value_is_a_label():
    assert chosen_labels(None, None) is None


def test_the_background_may_be_named_or_left_out():
    assert chosen_labels(None, {"background": 0, "a": 1}) == chosen_labels(None, {"a": 1})
    with pytest.raises(UserError, match=r"^labels: .*'background'"):
        chosen_labels(None, {"background": 1})


def test_labels_that_were_read_already_are_taken_as_they_are():
    labels = EvaluatedLabels.from_dataset({"background": 0, "a": 1, "ignore": 2})
    assert chosen_labels(None, labels) is labels
