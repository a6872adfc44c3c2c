"""Sign-in with a password, as a browser does it."""

import re

from django.test import Client

PASSWORD = "a-long-enough-secret"
LOGIN = "/accounts/login/"


def with_password(person, password=PASSWORD):
    person.set_password(password)
    person.save(update_fields=["password"])
    return person


def sign_in(username, password=PASSWORD, client=None, next="", **headers):
    """Submit the sign-in form; return the client and the response."""
    client = client or Client()
    fields = {"login": username, "password": password} | (
        {"next": next} if next else {}
    )
    return client, client.post(LOGIN, fields, headers=headers)


def signed_in(client):
    return client.get("/accounts/").status_code == 200


def page_text(response):
    """Return the text of a page in one line."""
    text = re.sub(r"<[^>]*>", " ", response.content.decode())
    return " ".join(text.split())
