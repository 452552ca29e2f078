"""Pages for a clinic's users: each sees their own patients, and no one else's."""

from celery_progress.views import get_progress
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST
from proj.celery import docwiz

from consultations.forms import CostsForm, PatientForm, PhotoForm, PreviewForm
from consultations.models import Job, Patient, Photo
from docwiz_tasks import DocWizError


@login_required
def home(request):
    form = PatientForm(request.POST or None)
    if form.is_valid():
        form.instance.owner = request.user
        return redirect("patient", form.save().id)
    mine = Patient.objects.filter(owner=request.user).order_by("name")
    return render(request, "consultations/home.html", {"patients": mine, "form": form})


@login_required
def patient(request, id):
    patient = _patient(request, id)
    forms = {"photo": PhotoForm(), "preview": PreviewForm(patient), "costs": CostsForm(patient)}
    return render(request, "consultations/patient.html", {"patient": patient, "forms": forms})


@login_required
@require_POST
def add_photo(request, id):
    patient, form = _patient(request, id), PhotoForm(request.POST, request.FILES)
    if not form.is_valid():
        return _told(request, patient, "Choose a photo.")
    try:
        image_id = docwiz.add_image(form.cleaned_data["photo"].read())
    except DocWizError as error:
        return _told(request, patient, error.message)
    Photo.objects.create(id=image_id, patient=patient)
    return redirect("patient", patient.id)


@login_required
@require_POST
def preview(request, id):
    patient = _patient(request, id)
    form = PreviewForm(patient, request.POST)
    if not form.is_valid():
        return _told(request, patient, "Choose a photo and a procedure.")
    photo, procedure = form.cleaned_data["photo"], form.cleaned_data["procedure"]
    return _submitted(
        request,
        patient,
        f"Preview of {dict(form.fields['procedure'].choices)[procedure]}",
        lambda: docwiz.visualize(photo.id, procedure, patient.id),
    )


@login_required
@require_POST
def report(request, id):
    patient = _patient(request, id)
    return _submitted(request, patient, "Report", lambda: docwiz.export(patient.id))


@login_required
@require_POST
def costs(request, id):
    patient = _patient(request, id)
    form = CostsForm(patient, request.POST)
    if not form.is_valid():
        return _told(request, patient, "Choose a cost breakdown.")
    breakdown = form.cleaned_data["costs"]
    return _submitted(request, patient, "Costs", lambda: docwiz.infographic(breakdown.id))


@login_required
def job(request, id):
    job = _job(request, id)
    status = docwiz.job(id).status()
    return render(
        request,
        "consultations/job.html",
        {"job": job, "status": status, "files": sorted(_files(status.result), reverse=True)},
    )


@login_required
def progress(request, id):
    """Answer celery-progress's script, with that package's own view."""
    _job(request, id)
    return get_progress(request, id)


@login_required
@require_POST
def cancel(request, id):
    _job(request, id)
    docwiz.job(id).cancel()
    return redirect("job", id)


@login_required
def download(request, id, name):
    _job(request, id)
    url = _files(docwiz.job(id).status().result).get(name)
    if url is None:
        raise Http404
    kept, filename = docwiz.open(url), url.rpartition("/")[2]
    return FileResponse(kept, filename=filename, as_attachment=name == "file")


def _patient(request, id):
    return get_object_or_404(Patient, pk=id, owner=request.user)


def _job(request, id):
    return get_object_or_404(Job, pk=id, patient__owner=request.user)


def _submitted(request, patient, title, submit):
    try:
        submitted = submit()
    except DocWizError as error:
        return _told(request, patient, error.message)
    Job.objects.create(id=submitted.id, patient=patient, title=title)
    return redirect("job", submitted.id)


def _told(request, patient, sentence):
    messages.error(request, sentence)
    return redirect("patient", patient.id)


def _files(result):
    """Return the files of a result by a word: before_image, after_image, file, image."""
    suffix = "_url"
    return {k.removesuffix(suffix): v for k, v in (result or {}).items() if k.endswith(suffix)}
