"""Signing in as a browser does, with a password."""

import re

from django.test import Client

PASSWORD = "a-long-enough-secret"
LOGIN = "/accounts/login/"


def with_password(person, password=PASSWORD):
    person.set_password(password)
    person.save(update_fields=["password"])
    return person


def sign_in(username, password=PASSWORD, client=None, next="", **headers):
    """Post the form; give the client and the answer."""
    client = client or Client()
    fields = {"login": username, "password": password} | (
        {"next": next} if next else {}
    )
    return client, client.post(LOGIN, fields, headers=headers)


def signed_in(client):
    return client.get("/accounts/").status_code == 200


def page_text(response):
    """What a page says, in one line."""
    text = re.sub(r"<[^>]*>", " ", response.content.decode())
    return " ".join(text.split())
