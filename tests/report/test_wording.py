from dataclasses import replace

from nnunet_cscn.report.wording import first_sentence, key_figures, sentences


def test_the_first_sentence_counts_cases_and_names_labels(predicted):
    assert first_sentence(predicted.scores) == "5 cases; GTVp, GTVn."


def test_the_headline_has_medians_with_units(predicted):
    shown = dict(key_figures(predicted.scores, "GTVn"))
    assert shown == {
        "median DSC": "1.00",
        "median NSD 2 mm": "1.00",
        "median ASSD": "0.00 mm",
        "median HD95": "0.00 mm",
    }


def test_missed_and_invented_tumours_are_named(predicted):
    said = " ".join(sentences(predicted.scores, "GTVp"))
    assert "Nothing is predicted in 1 case with a reference: missed." in said
    assert "Something is predicted in 1 case without one: invented." in said
    assert "4 cases with two empty masks are left out" in " ".join(sentences(predicted.scores, "GTVn"))


def test_quartiles_are_said_in_words(predicted):
    statistics = predicted.scores.aggregate["GTVp"].statistics["dsc"]
    assert f"the DSC is {statistics.median:.2f} or more" in sentences(predicted.scores, "GTVp")[0]


def test_equal_volumes_and_nothing_at_all_are_said_in_words(predicted):
    scores = predicted.scores
    exact = replace(scores, cases=dict.fromkeys(("a", "b"), scores.cases["exact"]))
    assert "on average as large as those of the reference" in sentences(exact, "GTVp")[0]
    assert first_sentence(replace(scores, cases={"a": {}, "b": {}})) == "2 cases; nothing is marked in any of them."
