"""A clinic's Flask app, with a Celery app of its own on which docwiz-tasks is registered."""

import os
from pathlib import Path

from celery import Celery, Task
from flask import Flask

import docwiz_tasks
from clinic import auth, consultations, database

REDIS = "redis://127.0.0.1:6379/0"


def create_app(test_config=None):
    app = Flask(__name__, instance_relative_config=True)
    instance = Path(os.environ.get("CLINIC_INSTANCE", app.instance_path))
    app.config.from_mapping(
        SECRET_KEY=os.environ.get("CLINIC_SECRET"),
        # A form of another site brings no cookie with it, and so submits nothing here.
        SESSION_COOKIE_SAMESITE="Strict",
        MAX_CONTENT_LENGTH=12 * 1024 * 1024,
        DATABASE=instance / "clinic.db",
        CELERY={
            "broker_url": os.environ.get("CELERY_BROKER_URL", REDIS),
            "result_backend": os.environ.get("CELERY_RESULT_BACKEND", REDIS),
            "broker_connection_retry_on_startup": True,
            # Jobs are long: a worker takes one at a time, and Redis waits longer than any takes.
            "worker_prefetch_multiplier": 1,
            "broker_transport_options": {
                "visibility_timeout": 360,
                "unacked_restore_interval": 10,
                "unacked_restore_throttle": 1,
                "unacked_mutex_expire": 30,
            },
        },
        DOCWIZ={
            "store_url": (instance / "store").as_uri(),
            "ai_provider": os.environ.get("DOCWIZ_AI_PROVIDER", "offline"),
            "image_provider": os.environ.get("DOCWIZ_IMAGE_PROVIDER", "offline"),
        },
    )
    app.config.from_mapping(test_config)
    instance.mkdir(parents=True, exist_ok=True)
    settings = docwiz_tasks.Settings(**app.config["DOCWIZ"])
    app.extensions["docwiz"] = docwiz_tasks.register(celery_init_app(app), settings)
    database.init_app(app)
    app.register_blueprint(auth.blueprint)
    app.register_blueprint(consultations.blueprint)
    return app


def celery_init_app(app):
    """Make a Celery app as Flask's documentation does: the clinic's own tasks have its context."""

    class FlaskTask(Task):
        def __call__(self, *args, **kwargs):
            with app.app_context():
                return self.run(*args, **kwargs)

    celery_app = Celery(app.name, task_cls=FlaskTask)
    celery_app.config_from_object(app.config["CELERY"])
    celery_app.set_default()
    app.extensions["celery"] = celery_app
    return celery_app
