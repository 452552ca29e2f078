"""The project's Celery app, set up as Celery's documentation says, with docwiz-tasks on it."""

import os

from celery import Celery
from consultations import plugin

import docwiz_tasks

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proj.settings")

app = Celery("proj")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

docwiz = docwiz_tasks.register(app)
# A project isn't an installed package with an entry point, so it gives its plugin itself.
docwiz.plugins.manager.register(plugin)
