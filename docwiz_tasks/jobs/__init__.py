"""What the four jobs do: plain functions on plain data, without Celery."""
