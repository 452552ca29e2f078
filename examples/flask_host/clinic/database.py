"""Users, and whose a photo or a job is, in SQLite."""

import sqlite3

from flask import current_app, g

SCHEMA = """
CREATE TABLE IF NOT EXISTS users (name TEXT PRIMARY KEY, password_hash TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS owned (
    kind TEXT, id TEXT, owner TEXT NOT NULL, title TEXT, PRIMARY KEY (kind, id)
);
"""


def init_app(app):
    app.teardown_appcontext(_close)


def database():
    if "database" not in g:
        g.database = sqlite3.connect(current_app.config["DATABASE"])
        g.database.executescript(SCHEMA)
    return g.database


def claim(kind, id, owner, title=""):
    """Note whose a photo or a job is."""
    with database() as opened:
        opened.execute("INSERT INTO owned VALUES (?, ?, ?, ?)", (kind, id, owner, title))


def owned(kind, owner):
    """Return the ids and titles of somebody's photos or jobs, the newest first."""
    query = "SELECT id, title FROM owned WHERE kind = ? AND owner = ? ORDER BY rowid DESC"
    return database().execute(query, (kind, owner)).fetchall()


def is_owned(kind, id, owner):
    query = "SELECT 1 FROM owned WHERE kind = ? AND id = ? AND owner = ?"
    return database().execute(query, (kind, id, owner)).fetchone() is not None


def _close(_error):
    if opened := g.pop("database", None):
        opened.close()
