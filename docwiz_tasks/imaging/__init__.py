"""Pictures: read, cleaned, marked and drawn, without Celery or a service."""
