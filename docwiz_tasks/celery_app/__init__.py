"""What knows Celery: registration, queues, tasks, and the jobs that hosts hold in hand."""
