"""What docwiz-tasks takes from this project: its settings, and its database as the records."""

import django
from django.apps import apps
from django.conf import settings as django_settings

from docwiz_tasks import hookimpl


@hookimpl
def docwiz_settings():
    return django_settings.DOCWIZ


@hookimpl
def docwiz_records(settings):
    if not apps.ready:  # `celery -A proj docwiz …` sets up no Django, as workers do
        django.setup()
    from consultations.records import DjangoRecords

    return DjangoRecords()
