"""Users see their own patients only, and nobody without an account sees any."""

import pytest
from consultations.models import Job, Patient
from django.urls import reverse

pytestmark = pytest.mark.django_db


@pytest.fixture
def pages(django_user_model):
    anna = django_user_model.objects.create_user("anna")
    django_user_model.objects.create_user("bob")
    patient = Patient.objects.create(name="Zoë", date_of_birth="1990-01-31", owner=anna)
    job = Job.objects.create(id="a-job", patient=patient, title="Report")
    of_patient = ("patient", "add_photo", "preview", "report", "costs")
    of_job = ("job", "progress", "cancel")
    return [
        *(reverse(name, args=[patient.id]) for name in of_patient),
        *(reverse(name, args=[job.id]) for name in of_job),
        reverse("download", args=[job.id, "file"]),
    ]


def test_nobody_gets_in_without_logging_in(client, pages):
    for page in [*pages, reverse("home")]:
        assert client.get(page).url.startswith(reverse("login"))
        assert client.post(page).url.startswith(reverse("login"))


def test_another_users_patients_and_jobs_are_not_there(client, pages, django_user_model):
    client.force_login(django_user_model.objects.get(username="bob"))
    for page in pages:
        assert {client.get(page).status_code, client.post(page).status_code} <= {404, 405}
    assert "Zoë" not in client.get(reverse("home")).text


def test_a_user_adds_a_patient_and_opens_the_page(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("anna"))
    added = client.post(reverse("home"), {"name": "Zoë", "date_of_birth": "1990-01-31"})
    assert client.get(added.url).status_code == 200
    assert Patient.objects.get().owner.username == "anna"


def test_a_file_that_is_no_photo_is_refused_in_words(client, django_user_model):
    client.force_login(anna := django_user_model.objects.create_user("anna"))
    patient = Patient.objects.create(name="Zoë", date_of_birth="1990-01-31", owner=anna)
    page = reverse("add_photo", args=[patient.id])
    told = client.post(page, {"photo": "not a file"}, follow=True)
    assert b"Choose a photo." in told.content
    assert not patient.photos.exists()
