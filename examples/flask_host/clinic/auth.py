"""Logging in: the user's name is kept in Flask's signed session."""

import functools

import click
from flask import Blueprint, flash, g, redirect, render_template, request, session, url_for
from werkzeug.security import check_password_hash, generate_password_hash

from clinic.database import database

blueprint = Blueprint("auth", __name__)

# What a password is compared with where there is no such user: it takes as long.
NOBODYS = generate_password_hash("nobody's")


@blueprint.before_app_request
def load_user():
    g.user = session.get("user")


def login_required(view):
    @functools.wraps(view)
    def wrapped(**arguments):
        return view(**arguments) if g.user else redirect(url_for("auth.login"))

    return wrapped


@blueprint.route("/login", methods=["GET", "POST"])
def login():
    if request.method == "POST":
        name, password = request.form["name"], request.form["password"]
        query = "SELECT password_hash FROM users WHERE name = ?"
        found = database().execute(query, (name,)).fetchone()
        if check_password_hash(found[0] if found else NOBODYS, password) and found:
            session.clear()
            session["user"] = name
            return redirect(url_for("consultations.home"))
        flash("This name and password don't belong together.")
    return render_template("login.html")


@blueprint.post("/logout")
def logout():
    session.clear()
    return redirect(url_for("auth.login"))


@blueprint.cli.command("add-user")
@click.argument("name")
@click.password_option()
def add_user(name, password):
    """Let somebody log in."""
    with database() as opened:
        values = (name, generate_password_hash(password))
        opened.execute("INSERT OR REPLACE INTO users VALUES (?, ?)", values)
