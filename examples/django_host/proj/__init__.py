"""A clinic's project. Its Celery app is loaded with it, so that views can submit jobs."""

from proj.celery import app as celery_app

__all__ = ["celery_app"]
