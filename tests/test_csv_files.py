import csv

import pytest

from nnunet_cscn.csv_files import harmless, original, read_csv, read_table, writing_csv
from nnunet_cscn.errors import UserError


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


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"a,b\n1,\xff\n", "not a valid CSV"),
        (b"a,b\n1," + b"1" * 200_000 + b"\n", "not a valid CSV"),
        (b'a,b\n1,"2\n', "not a valid CSV"),
        (b"a,b\n1\n", "cells"),
        (b"a,b\n1,2,3\n", "cells"),
        (b"a,a\n1,2\n", "same heading"),
    ],
)
def test_a_damaged_table_is_refused(tmp_path, content, word):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(UserError, match=word):
        read_table(tmp_path / "a.csv")


def test_a_table_is_read_by_its_headings_without_blank_rows(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n\n1,\n", encoding="utf-8")
    assert read_table(tmp_path / "a.csv") == [{"a": "1", "b": ""}]
    (tmp_path / "a.csv").write_text("", encoding="utf-8")
    assert read_table(tmp_path / "a.csv") == []


def test_a_ragged_table_is_read_on_request(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1\n1,2,3\n", encoding="utf-8")
    assert read_table(tmp_path / "a.csv", ragged=True) == [{"a": "1"}, {"a": "1", "b": "2"}]


def test_a_missing_table_is_told(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_table(tmp_path / "a.csv")


def test_nul_is_refused_where_all_bytes_have_to_be_text(tmp_path):
    """A disk that failed leaves zeros; Python's own reader refuses them in 3.10 and keeps them from 3.11 on."""
    (tmp_path / "zeros.csv").write_bytes(b"case,group\na,\0\0\n")
    with pytest.raises(UserError, match="NUL"):
        read_csv(tmp_path / "zeros.csv")
    assert read_csv(tmp_path / "zeros.csv", errors="replace")[1] == ["a", "\ufffd\ufffd"]
