"""The ``docwiz-tasks`` command."""
