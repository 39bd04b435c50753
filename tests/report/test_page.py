import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from plotly.offline import get_plotlyjs

from nnunet_cscn.report import page
from nnunet_cscn.report.case_views import case_views, choose_cases
from nnunet_cscn.report.page import render_page
from nnunet_cscn.report.provenance import Provenance

MADE = Provenance("cscn report p r", "2026-01-01 00:00 UTC", {"numpy": "2"})


class Page(HTMLParser):
    """The content of a page as a browser parses it."""

    VOID = frozenset({"meta", "input", "br", "link", "img"})

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.texts = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        self.texts.append((self.open[-1] if self.open else None, text))

    def of(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def render(predicted, monkeypatch):
    def run(scores=predicted.scores, n_each=1, *, script="", **options):
        monkeypatch.setattr(page, "get_plotlyjs", lambda: script)  # the real script has several megabytes
        drawn = case_views(choose_cases(scores, n_each), scores, {})
        return render_page(scores, drawn, MADE, title="a report", **options)

    return run


def data_of(shown):
    return json.loads(next(text for tag, text in shown.texts if tag == "script" and text.startswith("{")))


def test_the_page_asks_for_nothing_from_outside(render):
    shown = Page(render())
    assert not shown.of("link")
    assert not shown.of("img")
    assert all("src" not in attributes for attributes in shown.of("script"))
    assert all(attributes["href"].startswith("#") for attributes in shown.of("a"))
    css = next(text for tag, text in shown.texts if tag == "style")
    assert "url(" not in css
    assert "@import" not in css


def test_every_link_leads_somewhere(render):
    shown = Page(render())
    ids = {attributes.get("id") for _, attributes in shown.tags}
    assert {attributes["href"][1:] for attributes in shown.of("a")} <= ids


def test_every_chart_that_is_placed_has_its_data(render):
    shown = Page(render())
    placed = {attributes["data-chart"] for _, attributes in shown.tags if "data-chart" in attributes}
    assert placed == data_of(shown)["charts"].keys()


def test_there_is_a_row_for_every_case_and_label_that_sorts_by_number(render, predicted):
    shown = Page(render())
    rows = [attributes for attributes in shown.of("tr") if "data-case" in attributes]
    assert len(rows) == 5 * 2
    values = [a["data-value"] for a in shown.of("td") if "data-value" in a]
    assert len(values) == len(rows) * len(predicted.scores.metrics)
    for value in values:
        assert value in ("", "inf") or float(value) >= -1000
    assert "inf" in values


def test_a_button_for_each_case_that_is_shown(render):
    shown = Page(render())
    buttons = [a for a in shown.of("button") if "data-case-view" in a]
    assert len(buttons) == len(data_of(shown)["case_views"]) == 3 + 1  # of label 2 there is only one case


def test_without_cases_to_look_at_there_is_no_such_section(render):
    text = render(n_each=0)
    assert 'id="cases"' not in text
    assert "#cases" not in text


def test_names_from_files_are_never_markup(render, predicted):
    evil = '<img src=x onerror="alert(1)"></script>{{ 7 * 7 }}'
    scores = predicted.scores
    renamed = {evil if case == "near" else case: labels for case, labels in scores.cases.items()}
    labelled = {case: {evil: labels["GTVp"]} for case, labels in renamed.items()}
    odd = replace(scores, cases=labelled, skipped={evil: evil})
    shown = Page(render_page(odd, [], MADE, title=evil))
    assert not shown.of("img")
    assert len(shown.of("script")) == 3
    assert any(evil in text for tag, text in shown.texts if tag == "h1")


def test_left_out_cases_are_listed_with_their_reason(predicted, render):
    scores = replace(predicted.scores, skipped={"torn": "prediction: the file is truncated"})
    assert "torn</b>: prediction: the file is truncated" in render(scores)


def test_how_it_was_made_is_told(render):
    text = render(figures="report_figures")
    assert "<pre>cscn report p r</pre>" in text
    assert "numpy 2." in text
    assert "report_figures" in text


def test_plotlys_own_script_stands_in_the_page_as_it_is(render):
    shown = Page(render(script=get_plotlyjs()))
    assert ("script", get_plotlyjs()) in shown.texts
    ours = [text for tag, text in shown.texts if tag == "script"][-1]
    assert ours.rstrip().endswith("})();")  # whole, although it holds other tags
