import sys

from nnunet_cscn.cli.phase_bar import PhaseBar


def test_a_bar_is_shown_with_its_counts_and_gone_before_others_write(capsys):
    with PhaseBar("maps") as bar:
        bar(1, 2)
        bar(2, 2)
        print("after", file=sys.stderr)
    shown = capsys.readouterr().err
    assert shown.index("maps") < shown.index("2/2") < shown.index("after")


def test_a_bar_without_a_step_or_an_invisible_one_shows_nothing(capsys):
    with PhaseBar("maps"), PhaseBar("cases", total=3, visible=False) as bar:
        bar(3, 3)
    assert capsys.readouterr().err == ""


def test_a_bar_of_known_length_is_there_from_the_beginning(capsys):
    with PhaseBar("maps", total=6):
        pass
    assert "0/6" in capsys.readouterr().err
