import csv

import pytest

from nnunet_cscn.csv_files import harmless, original, writing_csv


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "'=1", "\r=1", "--1"])
def test_formulas_become_texts_and_come_back(text):
    assert harmless(text) == f"'{text}"
    assert original(harmless(text)) == text


@pytest.mark.parametrize("text", ["", "case_1", "-1.5", "+2e-3", "-inf", "'quoted'", "a=1"])
def test_everything_else_stays(text):
    assert harmless(text) == original(text) == text


def test_numbers_and_odd_names_are_written(tmp_path):
    with writing_csv(tmp_path / "a.csv") as write:
        write(["case", -1.5, None, float("inf"), "größe", "a\udcff", "=x", "a\x1b[2J"])
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as stream:
        assert list(csv.reader(stream)) == [["case", "-1.5", "", "inf", "größe", "a\\udcff", "'=x", r"a\x1b[2J"]]
