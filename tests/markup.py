"""HTML as tests compare it: free of the line breaks and indentation of its templates."""

import re

START_TAG = r"""<[a-z](?:"[^"]*"|'[^']*'|[^<>"'])*"""


def compact(page) -> str:
    """Return the text of an HTTP response, or HTML, on one line.

    Runs of whitespace become one space; whitespace between tags, after a start tag and
    before an end tag goes.
    """
    html = page if isinstance(page, str) else page.content.decode()
    html = re.sub(r"\s+", " ", html)
    html = re.sub(rf"({START_TAG}?) ?> ?", r"\1>", html)
    return re.sub(r"(?<=>) (?=<)| (?=</)", "", html).strip()
