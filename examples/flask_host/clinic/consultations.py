"""Pages and endpoints for a clinic's users: each reaches their own photos and jobs only."""

from flask import (
    Blueprint,
    abort,
    current_app,
    flash,
    g,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from werkzeug.local import LocalProxy

from clinic.auth import login_required
from clinic.database import claim, is_owned, owned
from docwiz_tasks import DocWizError
from docwiz_tasks.records.catalogue import catalogue

blueprint = Blueprint("consultations", __name__)

docwiz = LocalProxy(lambda: current_app.extensions["docwiz"])


@blueprint.errorhandler(DocWizError)
def say(error):
    """Tell what can't be done in the library's own words; they never hold a patient's data."""
    flash(error.message)
    return redirect(url_for("consultations.home"))


@blueprint.get("/")
@login_required
def home():
    return render_template(
        "home.html",
        photos=owned("photo", g.user),
        jobs=owned("job", g.user),
        procedures=sorted(catalogue().values(), key=lambda procedure: procedure.name),
    )


@blueprint.post("/photos")
@login_required
def add_photo():
    photo = request.files["photo"]
    claim("photo", docwiz.add_image(photo.read()), g.user)
    return redirect(url_for("consultations.home"))


@blueprint.post("/previews")
@login_required
def preview():
    image_id = request.form["image_id"]
    _check("photo", image_id)
    return _submitted("Preview", docwiz.visualize(image_id, request.form["procedure_id"]))


@blueprint.post("/comparisons")
@login_required
def comparison():
    image_id = request.form["image_id"]
    _check("photo", image_id)
    chosen = request.form.getlist("procedure_id")
    return _submitted("Comparison", docwiz.compare(image_id, chosen))


@blueprint.get("/jobs/<id>")
@login_required
def job(id):
    _check("job", id)
    status = docwiz.job(id).status()
    return render_template("job.html", id=id, status=status, files=_files(status.result))


@blueprint.get("/jobs/<id>/status")
@login_required
def status(id):
    _check("job", id)
    return docwiz.job(id).status().model_dump(mode="json")


@blueprint.post("/jobs/<id>/cancel")
@login_required
def cancel(id):
    _check("job", id)
    docwiz.job(id).cancel()
    return redirect(url_for("consultations.job", id=id))


@blueprint.get("/jobs/<id>/files/<name>")
@login_required
def download(id, name):
    _check("job", id)
    url = _files(docwiz.job(id).status().result).get(name) or abort(404)
    return send_file(docwiz.open(url), download_name=url.rpartition("/")[2])


def _check(kind, id):
    if not is_owned(kind, id, g.user):
        abort(404)


def _submitted(title, submitted):
    claim("job", submitted.id, g.user, title)
    return redirect(url_for("consultations.job", id=submitted.id))


def _files(result):
    """Return the pictures of a result by a word: before_image, after_image, comparison_image."""
    suffix = "_url"
    return {k.removesuffix(suffix): v for k, v in (result or {}).items() if k.endswith(suffix)}
