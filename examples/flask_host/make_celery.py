"""What `celery -A make_celery` loads: the Celery app of a Flask app."""

from clinic import create_app

flask_app = create_app()
celery_app = flask_app.extensions["celery"]
