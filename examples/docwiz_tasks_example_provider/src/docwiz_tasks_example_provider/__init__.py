"""An example of a plugin for docwiz-tasks."""
