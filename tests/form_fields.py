"""What a browser would send for a form that was left as it came."""

import re
from html.parser import HTMLParser

BREAK = re.compile(r"\r\n?|\n")


class Fields(HTMLParser):
    """The names and values of the fields in a piece of HTML."""

    def __init__(self, html):
        super().__init__()
        self.sent, self.area, self.select = {}, None, None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "input" and attrs.get("name"):
            # A text input has one line.
            self.sent[attrs["name"]] = BREAK.sub("", attrs.get("value") or "")
        elif tag == "textarea":
            self.area = attrs["name"]
            self.sent[self.area] = ""
        elif tag == "select":
            self.select = attrs["name"]
        elif tag == "option" and self.select:
            first = self.select not in self.sent
            if first or "selected" in attrs:
                self.sent[self.select] = attrs["value"]

    def handle_endtag(self, tag):
        if tag == "textarea":
            # Browsers drop the line break that follows the opening tag.
            text = BREAK.sub("\n", self.sent[self.area]).removeprefix("\n")
            self.sent[self.area] = text.replace("\n", "\r\n")
            self.area = None
        elif tag == "select":
            self.select = None

    def handle_data(self, data):
        if self.area:
            self.sent[self.area] += data


def sent_by(page):
    """Return what a browser sends of a page as it came, without its token."""
    fields = Fields(page.content.decode()).sent
    fields.pop("csrfmiddlewaretoken", None)
    return fields


def sent_of(page, form):
    """Return the same, with the boxes of this form as they are ticked."""
    fields = sent_by(page)
    for bound in form:
        if bound.widget_type == "checkbox":
            fields.pop(bound.html_name, None)
            if bound.value():
                fields[bound.html_name] = "on"
        elif getattr(bound.field.widget, "allow_multiple_selected", False):
            chosen = bound.value() or ()
            fields[bound.html_name] = [
                str(getattr(each, "pk", each)) for each in chosen
            ]
    return fields


def shown(form):
    """The data of all fields of a form."""
    return Fields("".join(str(form[name]) for name in form.fields)).sent


def save(client, url, data, **options):
    """Open the page of a form and send it with these entries and the stamp it carries."""
    page = Fields(client.get(url).content.decode())
    return client.post(url, {**data, "seen": page.sent["seen"]}, **options)
