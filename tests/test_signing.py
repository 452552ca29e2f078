"""Signing with the host's certificate, and what is said of one that won't do."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from certificates import Identity, identity, pem_of, read
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID
from PIL import Image
from reportlab.pdfgen.canvas import Canvas
from workers import TESTS, environment

import docwiz_tasks
from docwiz_tasks import ExtraMissing, Settings, SettingsError, SigningFailed
from docwiz_tasks.celery_app.doctor import examine
from docwiz_tasks.celery_app.embedded import embedded_worker
from docwiz_tasks.celery_app.startup import check_providers
from docwiz_tasks.imaging import marks
from docwiz_tasks.imaging.signing import check_signing, signer_of
from docwiz_tasks.jobs.lease import Lease
from docwiz_tasks.testing.sample import add_sample_case

GOOD = identity()


def settings(chain: bytes | str = GOOD.chain, key: bytes | str = GOOD.key) -> Settings:
    texts = [value.decode() if isinstance(value, bytes) else value for value in (chain, key)]
    return Settings(plugins="none", c2pa_certificate=texts[0], c2pa_private_key=texts[1])


def of(made: Identity) -> Settings:
    return settings(made.chain, made.key)


def picture(kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(file, kind)
    return file.getvalue()


def pdf() -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file)
    canvas.drawString(100, 700, "A report")
    canvas.save()
    return file.getvalue()


def test_nothing_is_signed_unless_it_is_asked_for() -> None:
    assert signer_of(Settings(plugins="none")) is None
    assert check_signing(Settings(plugins="none")) is None


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_signature_changes_no_pixel_and_no_mark(kind: str) -> None:
    signer = signer_of(settings())
    assert signer is not None
    marked = marks.embed_source_type(picture(kind), marks.EDITED)
    signed = signer.sign(marked, marks.EDITED, original=picture("WEBP"))
    one, other = (Image.open(io.BytesIO(data)) for data in (marked, signed))
    assert one.tobytes() == other.tobytes()
    assert one.info["xmp"] == other.info["xmp"]


def test_a_file_that_cannot_be_signed_is_an_error_without_its_content() -> None:
    signer = signer_of(settings())
    assert signer is not None
    with pytest.raises(SigningFailed) as caught:
        signer.sign(picture()[:60] + b"Jane Roe", marks.EDITED)
    assert caught.value.__cause__ is None
    assert "Jane" not in str(caught.value)


def test_certificate_and_key_may_be_texts_or_files_and_the_key_in_either_form(
    tmp_path: Path,
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    made = identity(key=key)
    traditional = pem_of(key, PrivateFormat.TraditionalOpenSSL)
    assert b"EC PRIVATE KEY" in traditional
    files = Settings(plugins="none", **made.files(tmp_path))
    for chosen in (files, of(made), settings(made.chain, traditional)):
        assert check_signing(chosen) is not None


def other_key() -> bytes:
    return pem_of(ec.generate_private_key(ec.SECP256R1()))


def hidden_key() -> bytes:
    return pem_of(ec.generate_private_key(ec.SECP256R1()), password=b"secret")


def rsa_identity() -> Settings:
    return of(identity(key=rsa.generate_private_key(public_exponent=65537, key_size=2048)))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: of(identity(from_days=-20, to_days=-2)), "the certificate expired on 20"),
        (lambda: of(identity(from_days=2)), "the certificate is valid from 20"),
        (lambda: settings("/nowhere/chain.pem"), "DOCWIZ_C2PA_CERTIFICATE is neither PEM nor"),
        (lambda: settings("x" * 5000), "DOCWIZ_C2PA_CERTIFICATE is neither PEM nor"),
        (lambda: settings(key="/nowhere/key.pem"), "DOCWIZ_C2PA_PRIVATE_KEY is neither PEM nor"),
        (lambda: settings(GOOD.key), "DOCWIZ_C2PA_CERTIFICATE holds no certificate"),
        (lambda: settings(key=GOOD.chain), "DOCWIZ_C2PA_PRIVATE_KEY holds no private key"),
        (lambda: settings(key=hidden_key()), "DOCWIZ_C2PA_PRIVATE_KEY is encrypted"),
        (lambda: settings(key=other_key()), "isn't the key of the first certificate"),
        (lambda: settings(GOOD.authority + GOOD.chain), "isn't the key of the first certificate"),
        (rsa_identity, "must be a key on the curve P-256"),
        (lambda: of(identity(key=ec.generate_private_key(ec.SECP384R1()))), "on the curve P-256"),
        (lambda: of(identity(usage=ExtendedKeyUsageOID.SERVER_AUTH)), "extended key usage"),
    ],
    ids=range(13),
)
def test_what_will_not_do_is_said_without_a_word_of_it(
    make: Callable[[], Settings], said: str
) -> None:
    chosen = make()
    with pytest.raises(SettingsError, match=said) as caught:
        check_signing(chosen)
    assert "nowhere" not in str(caught.value)
    assert "BEGIN" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("name", ["c2pa_certificate", "c2pa_private_key"])
def test_one_without_the_other_is_no_setting(name: str) -> None:
    given: dict[str, Any] = {name: "/some/file.pem"}
    with pytest.raises(SettingsError, match="are set together or not at all"):
        Settings(plugins="none", **given)


def test_without_the_extra_the_line_that_installs_it_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "c2pa", None)
    with pytest.raises(ExtraMissing, match=r"pip install 'docwiz-tasks\[c2pa\]'"):
        check_signing(settings())


def test_the_key_shows_in_no_repr() -> None:
    chosen = settings()
    line = GOOD.key.decode().splitlines()[1]
    assert line not in repr(chosen) + repr(signer_of(chosen))


def host(store: str, **given: object) -> docwiz_tasks.DocWiz:
    app = Celery("host", broker="memory://", backend="cache+memory://", set_as_current=False)
    chosen: dict[str, Any] = {"ai_provider": "offline", "image_provider": "offline", **given}
    return docwiz_tasks.register(app, Settings(store_url=store, plugins="none", **chosen))


@pytest.mark.parametrize("queue", ["visualizations", "exports"])
def test_a_worker_whose_certificate_has_expired_does_not_start(tmp_path: Path, queue: str) -> None:
    docwiz = host("memory://", **identity(from_days=-20, to_days=-2).files(tmp_path))
    with pytest.raises(SettingsError, match="DOCWIZ_C2PA_CERTIFICATE: the certificate expired on"):
        check_providers(docwiz, [queue])
    check_providers(docwiz, ["the-hosts-own"])


def test_the_terminal_shows_why_a_worker_does_not_start(tmp_path: Path) -> None:
    env = {"DOCWIZ_C2PA_CERTIFICATE": "/nowhere/chain.pem", "DOCWIZ_C2PA_PRIVATE_KEY": "x"}
    run = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "host_app", "worker", "-Q", "exports"],
        env=environment("memory://", "cache+memory://", tmp_path / "store", **env),
        cwd=TESTS,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 1
    said = run.stderr.strip().splitlines()[-1]
    assert said.startswith("Error: DOCWIZ_C2PA_CERTIFICATE is neither PEM nor the path of a file")


@pytest.mark.parametrize(
    ("days", "level", "said"),
    [(90, "ok", "can be signed until"), (12, "warning", "expires on"), (-1, "problem", "expired")],
)
def test_the_doctor_tells_how_long_the_certificate_lasts(
    tmp_path: Path, days: int, level: str, said: str
) -> None:
    files = identity(from_days=-20, to_days=days).files(tmp_path)
    findings = examine(host((tmp_path / "store").as_uri(), **files))
    finding = next(finding for finding in findings if finding.subject == "signing")
    assert finding.level == level
    assert said in finding.message


def test_a_certificate_that_expires_while_the_worker_runs_costs_no_paid_call(
    tmp_path: Path,
) -> None:
    files = GOOD.files(tmp_path)
    docwiz = host((tmp_path / "store").as_uri(), **files)
    case = add_sample_case(docwiz)

    def calls() -> list[str]:
        return [path for path in docwiz.store.list("jobs") if "/calls=" in path]

    with embedded_worker(docwiz.app):
        identity(from_days=-20, to_days=-2).files(tmp_path)
        jobs = [
            docwiz.visualize(case.image_id, "rhinoplasty"),
            docwiz.compare(case.image_id, ["otoplasty", "facelift"]),
            docwiz.infographic(case.cost_breakdown_id),
        ]
        for job in jobs:
            with pytest.raises(SettingsError, match="expired on"):
                job.result(60)
        assert not calls()
        # Renewed in its place, it is taken without a restart.
        identity().files(tmp_path)
        assert docwiz.visualize(case.image_id, "rhinoplasty").result(60)
        assert calls()


def test_a_preview_that_is_finished_again_after_a_crash_is_signed_again_and_not_paid_again(
    tmp_path: Path,
) -> None:
    docwiz = host((tmp_path / "store").as_uri(), **GOOD.files(tmp_path))
    case = add_sample_case(docwiz)
    with embedded_worker(docwiz.app):
        job = docwiz.visualize(case.image_id, "rhinoplasty")
        paid = job.result(60)
        first = docwiz.open(paid["after_image_url"]).read()
        # As if the worker had died just before the edit was committed.
        journal = docwiz.journal(job.id)
        for step in journal.names("steps"):
            journal.delete(f"steps/{step}")
        lease = Lease(journal, docwiz.settings.lease_seconds)
        lease.forgive()
        journal.reopen(lease.last())
        docwiz.publish(journal)
        again = job.result(60)
    second = docwiz.open(again["after_image_url"]).read()
    assert again["paid_calls"]["made"] == paid["paid_calls"]["made"]
    assert second != first
    for picture in (first, second):
        assert read(picture, "image/png", GOOD.authority)["validation_state"] == "Trusted"


FORKING = """
import os, sys
from pathlib import Path
from docwiz_tasks import Settings
from docwiz_tasks.imaging import marks
from docwiz_tasks.imaging.signing import check_signing

signer = check_signing(Settings(plugins="none"))
files = [Path(name).read_bytes() for name in sys.argv[1:]]
children = []
for _ in range(4):
    if not (child := os.fork()):
        for data in files:
            signer.sign(data, marks.EDITED)
        os._exit(0)
    children.append(child)
sys.exit(any(os.waitpid(child, 0)[1] for child in children))
"""


def test_children_sign_after_their_parents_trial(tmp_path: Path) -> None:

    files = {"a.jpg": picture("JPEG"), "b.png": picture("PNG"), "c.pdf": pdf()}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    env = {f"DOCWIZ_{name.upper()}": value for name, value in GOOD.files(tmp_path).items()}
    done = subprocess.run(
        [sys.executable, "-c", FORKING, *(str(tmp_path / name) for name in files)],
        env={**os.environ, **env},
        check=False,
        timeout=30,
    )
    assert done.returncode == 0
