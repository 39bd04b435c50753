import json

import pytest

from nnunet_cscn.errors import UserError
from nnunet_cscn.evaluation.labels import EvaluatedLabels, read_labels


def written(folder, content):
    path = folder / "dataset.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_names_and_values_come_in_the_files_order(tmp_path):
    labels = read_labels(written(tmp_path, {"labels": {"background": 0, "GTVn": 2, "GTVp": 1}}))
    assert list(labels.values.items()) == [("GTVn", (2,)), ("GTVp", (1,))]
    assert labels.ignore is None
    assert labels.known == {0, 1, 2}


def test_regions_hold_several_values_and_ignore_is_not_evaluated():
    labels = EvaluatedLabels.from_dataset({"background": 0, "whole": [1, 2, 3], "core": [2, 3], "rim": 1, "ignore": 4})
    assert labels.values == {"whole": (1, 2, 3), "core": (2, 3), "rim": (1,)}
    assert labels.ignore == 4
    assert labels.known == {0, 1, 2, 3, 4}


def test_numbers_name_themselves_in_ascending_order():
    assert list(EvaluatedLabels.from_values({10, 2, 0}).values) == ["2", "10"]


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ({"tumour": 1}, "expected 'background' with the value 0, got None"),
        ({"background": 1, "tumour": 2}, "'background' with the value 0"),
        ({"0": "background", "1": "tumour"}, "'background' with the value 0"),
        ({"background": 0}, "the only label is the background"),
        ({"background": 0, "ignore": 1}, "the only label is the background"),
        ({"background": 0, "tumour": "1"}, "for 'tumour'; got '1'"),
        ({"background": 0, "tumour": 1.5}, "for 'tumour'; got"),
        ({"background": 0, "tumour": True}, "for 'tumour'; got"),
        ({"background": 0, "tumour": -1}, "for 'tumour'; got"),
        ({"background": 0, "tumour": 2**32}, "from 0 to 4294967295"),
        ({"background": 0, "tumour": []}, "for 'tumour'; got"),
        ({"background": 0, "tumour": [1, None]}, "for 'tumour'; got"),
        ({"background": 0, "all": [0, 1]}, "'all' contains 0, which is the background"),
        ({"background": 0, "tumour": 1, "ignore": [2, 3]}, "expected one value for 'ignore'"),
        ({"background": 0, "tumour": 1, "ignore": 1}, "'ignore' has the value 1, which another label also has"),
        ({"background": 0, "tumour": 1, "ignore": 0}, "'ignore' has the value 0"),
    ],
)
def test_labels_that_nnunet_would_not_take_are_refused_with_the_files_name(tmp_path, labels, reason):
    path = written(tmp_path, {"labels": labels})
    with pytest.raises(UserError) as refusal:
        read_labels(path)
    assert reason in str(refusal.value)
    assert str(path) in str(refusal.value)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"labels": 3}', "3"])
def test_a_file_that_is_no_dataset_json_is_refused(tmp_path, content):
    with pytest.raises(UserError, match=r"dataset\.json.*('labels'|JSON)"):
        read_labels(written(tmp_path, content))


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "absent.json", tmp_path):
        with pytest.raises(UserError, match="cannot be read"):
            read_labels(path)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "dataset.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="is not valid JSON"):
        read_labels(path)
