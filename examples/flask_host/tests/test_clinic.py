"""Users reach their own photos and jobs only; needs neither Redis nor a worker."""

import io

import pytest
from clinic import create_app
from clinic.database import claim

from docwiz_tasks.testing.portrait import portrait

PAGES = ["/jobs/annas-job", "/jobs/annas-job/status", "/jobs/annas-job/files/after_image"]
FORMS = ["/previews", "/comparisons", "/jobs/annas-job/cancel"]


@pytest.fixture
def app(tmp_path, monkeypatch):
    monkeypatch.setenv("CLINIC_INSTANCE", str(tmp_path))
    app = create_app({"TESTING": True, "SECRET_KEY": "of the tests"})
    with app.app_context():
        claim("job", "annas-job", "anna")
        claim("photo", "annas-photo", "anna")
    return app


def logged_in(app, user):
    client = app.test_client()
    with client.session_transaction() as session:
        session["user"] = user
    return client


def test_nobody_gets_in_without_logging_in(app):
    stranger = app.test_client()
    for page in ["/", *PAGES]:
        assert stranger.get(page).location == "/login"
    for form in ["/photos", *FORMS]:
        assert stranger.post(form).location == "/login"


@pytest.mark.parametrize(
    ("name", "password", "where"),
    [("anna", "a password", "/"), ("anna", "a guess", None), ("carl", "a password", None)],
)
def test_only_the_right_password_logs_in(app, name, password, where):
    app.test_cli_runner().invoke(args=["auth", "add-user", "anna", "--password", "a password"])
    tried = app.test_client().post("/login", data={"name": name, "password": password})
    assert tried.location == where


def test_another_users_photos_and_jobs_are_not_there(app):
    bob = logged_in(app, "bob")
    assert {bob.get(page).status_code for page in PAGES} == {404}
    wanted = {"image_id": "annas-photo", "procedure_id": "rhinoplasty"}
    assert {bob.post(form, data=wanted).status_code for form in FORMS} == {404}
    assert b"annas" not in bob.get("/").data


def test_a_photo_is_taken_and_what_is_none_is_refused_in_words(app):
    anna = logged_in(app, "anna")
    for content, said in ((portrait(), b"Make a preview"), (b"no photo", b'role="alert"')):
        sent = {"photo": (io.BytesIO(content), "me.jpg")}
        assert said in anna.post("/photos", data=sent, follow_redirects=True).data


def test_two_apps_of_one_process_are_independent(app, tmp_path):
    another = create_app({"SECRET_KEY": "another", "DATABASE": tmp_path / "another.db"})
    assert another.extensions["docwiz"] is not app.extensions["docwiz"]
