"""What every renderer has to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from docwiz_tasks.contracts import (
    Renderer,
    ReportDocument,
    ReportPicture,
    ReportSection,
    ReportTable,
)
from docwiz_tasks.testing.contracts.calling import photo

__all__ = ["RendererContract"]

_HOSTILE = "<script>alert(1)</script> & {{ 7*7 }} \u202e ${x} '; --"


def _document() -> ReportDocument:
    pictures = tuple(
        ReportPicture(photo((150, 120, 90 + 40 * n)), "image/jpeg", caption, simulated=bool(n))
        for n, caption in enumerate(("Before", "After"))
    )
    table = ReportTable(("Item", "USD"), (("Surgeon", "7,400.00"), ("Total", "7,400.00")))
    return ReportDocument(
        id="report-1",
        title="Consultation report",
        generated_at=datetime(2026, 11, 2, 9, 30, tzinfo=UTC),
        locale="en",
        shareable=False,
        patient=(("Name", "Zoë Łukasiewicz-Ångström"), ("Date of birth", "1 January 1990")),
        sections=(
            ReportSection("Previews", ("One procedure.",), pictures),
            ReportSection("Costs", (), (), (table,)),
        ),
        notice="Simulated pictures are no promise of a result.",
    )


class RendererContract:
    """Inherit this and give the fixture `renderer`."""

    @pytest.fixture
    def renderer(self) -> Renderer:
        """Give the renderer that is tested."""
        raise NotImplementedError("override the fixture 'renderer'")

    @pytest.fixture
    def document(self) -> ReportDocument:
        """Give a report with pictures, a table and a patient."""
        return _document()

    def test_it_is_a_renderer(self, renderer: Renderer) -> None:
        """It has what the protocol names, of the right form."""
        assert isinstance(renderer, Renderer)
        assert re.fullmatch(r"[a-z]+/[a-z0-9.+-]+", renderer.media_type)
        assert re.fullmatch(r"[a-z0-9]+", renderer.extension)

    def test_it_gives_a_whole_file(self, renderer: Renderer, document: ReportDocument) -> None:
        """Bytes, and not none of them."""
        data = renderer.render(document)
        assert isinstance(data, bytes)
        assert data

    @pytest.mark.parametrize(
        "change",
        [
            lambda d: replace(d, sections=()),
            lambda d: replace(d, shareable=True, patient=()),
            lambda d: replace(d, sections=(ReportSection("Many", (), d.sections[0].pictures * 6),)),
            lambda d: replace(d, sections=(ReportSection("Long", ("word " * 4000,)),)),
            lambda d: replace(d, locale="de-AT"),
        ],
        ids=["empty", "shareable", "many pictures", "long text", "another language"],
    )
    def test_it_gives_a_file_for_each_kind_of_report(
        self,
        renderer: Renderer,
        document: ReportDocument,
        change: Callable[[ReportDocument], ReportDocument],
    ) -> None:
        """Patients differ."""
        assert renderer.render(change(document))

    def test_hostile_text_does_no_harm(self, renderer: Renderer, document: ReportDocument) -> None:
        """Names and notes come from outside; where the file is text, none of it is markup."""
        hostile = replace(
            document,
            title=_HOSTILE,
            patient=(("Name", _HOSTILE),),
            sections=(
                ReportSection(
                    _HOSTILE, (_HOSTILE,), (), (ReportTable((_HOSTILE,), ((_HOSTILE,),)),)
                ),
            ),
        )
        data = renderer.render(hostile)
        assert data
        if "html" in renderer.media_type or "xml" in renderer.media_type:
            assert b"<script>alert" not in data

    def test_the_notice_is_there_where_it_can_be_read(
        self, renderer: Renderer, document: ReportDocument
    ) -> None:
        """A simulation is always marked as one."""
        data = renderer.render(document)
        if renderer.media_type.startswith("text/") or "json" in renderer.media_type:
            assert document.notice in data.decode()

    def test_the_same_report_gives_the_same_content_twice(
        self, renderer: Renderer, document: ReportDocument
    ) -> None:
        """A step that is done again must not change what a patient was given."""
        assert renderer.render(document) == renderer.render(document)

    def test_pages_are_counted_if_it_can(
        self, renderer: Renderer, document: ReportDocument
    ) -> None:
        """What has no pages has no ``count_pages``."""
        count = getattr(renderer, "count_pages", None)
        if count is not None:
            assert count(renderer.render(document)) >= 1
