"""What a host's records say is text, wherever it comes out, and an id is no path."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pypdfium2
import pytest
from celery import Celery
from plugin_packages import host, working_host

from docwiz_tasks import DocWiz, DocWizError
from docwiz_tasks.models import Insurance

SECONDS = 60
# {port} is one that the test listens on.
HOSTILE = {
    "script": "<script>alert(1)</script>",
    "image": "<img src='http://127.0.0.1:{port}/x.png'>",
    "style": "</style><style>@import url(http://127.0.0.1:{port}/x.css);</style>",
    "link": "<link rel=stylesheet href=http://127.0.0.1:{port}/x>",
    "page break": "<pdf:nextpage /><pdf:nextpage>",
    "a tag of the layout's": "</p></td></tr></table><pdf:toc />",
    "include": "{{% include '/etc/hostname' %}}{{{{ 7 * 7 }}}}{{# gone #}}",
    "reach": "{{{{ document.__class__.__mro__ }}}}",
    "entity": "&lt;b&gt; &amp;amp; &#65;",
    "comment": "<!-- gone --> <![CDATA[ gone ]]>",
    "control characters": "a\x00b\x07c\x1b[31md\x7fe\u0085f\u202eg",
}
UNSEEN = "\x00\x07\x1b\x7f\x85\u202e"


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def squeezed(text: str) -> str:
    return "".join(c for c in text if not c.isspace() and c not in UNSEEN)


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_text_in_a_record_shows_as_text_in_the_report_and_does_nothing(
    docwiz_app: Celery, listening: socket.socket, kind: str
) -> None:
    text = HOSTILE[kind].format(port=listening.getsockname()[1])
    with working_host(docwiz_app) as (docwiz, case):
        insurance = Insurance(provider=text)
        patient = {"name": text, "sex": text, "medical_record_number": text, "insurance": insurance}
        docwiz.records.put("patient", case.patient.model_copy(update=patient))
        procedure = {"name": text, "description": text, "category": text}
        docwiz.records.put("procedure", case.procedure.model_copy(update=procedure))
        plan = case.cost_breakdown.payment_plans[0].model_copy(update={"name": text})
        costs = {"insurance_provider": text, "payment_plans": (plan,)}
        docwiz.records.put("cost_breakdown", case.cost_breakdown.model_copy(update=costs))
        docwiz.visualize(case.image_id, case.procedure_id, case.patient_id).result(SECONDS)
        result = docwiz.export(case.patient_id).result(SECONDS)
        with closing(pypdfium2.PdfDocument(docwiz.open(result["file_url"]).read())) as document:
            pages = [page.get_textpage().get_text_range() for page in document]
    seen = squeezed("".join(pages))
    # Name, sex, number and insurance; the preview's title and description; the costs' title,
    # insurance and payment plan.
    assert seen.count(squeezed(text)) == 9
    assert len(pages) == result["pages"] <= 2
    with pytest.raises(BlockingIOError):
        listening.accept()


@pytest.fixture
def docwiz(tmp_path: Path) -> DocWiz:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "store" / "images").mkdir(parents=True)
    return host(store_url=(tmp_path / "store").as_uri())


IDS = ["../secret", "../../secret", "..", "/etc/passwd", "images/../../secret", "a\\..\\b", "~",
       "%2e%2e%2fsecret", "a\0", "a\n"]  # fmt: skip
ARGUMENTS: dict[str, Callable[[DocWiz, str], object]] = {
    "photo": lambda d, it: d.visualize(it, "rhinoplasty"),
    "procedure": lambda d, it: d.visualize("photo", it),
    "patient": lambda d, it: d.visualize("photo", "rhinoplasty", it),
    "compared photo": lambda d, it: d.compare(it, ["rhinoplasty", "facelift"]),
    "compared procedure": lambda d, it: d.compare("photo", ["rhinoplasty", it]),
    "report's patient": lambda d, it: d.export(it),
    "report's preview": lambda d, it: d.export("ada", [it]),
    "report's costs": lambda d, it: d.export("ada", cost_breakdown_ids=[it]),
    "report's comparison": lambda d, it: d.export("ada", comparison_ids=[it]),
    "costs": lambda d, it: d.infographic(it),
    "job": lambda d, it: d.job(it),
    "task id": lambda d, it: d.app.tasks["docwiz_tasks.generate_cost_infographic_task"].apply_async(
        ("costs",), task_id=it
    ),
}


@pytest.mark.parametrize("id", IDS)
@pytest.mark.parametrize("argument", ARGUMENTS)
def test_an_id_that_is_a_path_is_refused_at_submission(
    docwiz: DocWiz, argument: str, id: str
) -> None:
    with pytest.raises(DocWizError) as refusal:
        ARGUMENTS[argument](docwiz, id)
    assert refusal.value.code == "id_malformed"


@pytest.mark.parametrize(
    "url",
    ["docwiz:///../secret", "docwiz:///images/../../secret", "docwiz:////etc/passwd",
     "docwiz:///images/..", "docwiz:///", "docwiz:///.incoming", "docwiz://host/secret",
     "docwiz:///%2e%2e/secret", "docwiz:///images\\..\\secret", "file:///etc/passwd",
     "/etc/passwd", "../secret", "", "docwiz:///images/a\0", "docwiz:///images/a\n"],
)  # fmt: skip
def test_a_url_that_leaves_the_store_is_refused(docwiz: DocWiz, url: str) -> None:
    for use in (docwiz.open, docwiz.link):
        with pytest.raises(DocWizError) as refusal:
            use(url)
        assert refusal.value.code in ("id_malformed", "store_failed")
        assert "nothing" not in str(refusal.value)
        assert "no links" not in str(refusal.value)
