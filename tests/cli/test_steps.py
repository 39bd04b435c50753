"""Progress bars of commands with several steps."""

from nnunet_cscn.cli.steps import step_progress


def test_each_step_has_a_bar_with_its_name_as_it_is(capsys):
    with step_progress() as show:
        show("drawing [x]", 1, 3)
        show("writing", 2, 2)
        show("drawing [x]", 3, 3)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "drawing [x]" in shown.err
    assert "3/3" in shown.err
    assert "2/2" in shown.err


def test_without_any_step_nothing_is_shown(capsys):
    with step_progress():
        pass
    assert capsys.readouterr().err == ""
