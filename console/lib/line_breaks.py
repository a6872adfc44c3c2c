r"""Line breaks of text areas: browsers send `\r\n` for every one, whatever was stored.

https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#constructing-the-form-data-set
"""


def received(sent: str, original: str | None = None) -> str:
    r"""Return submitted text with `\\n` as its line break.

    If it differs from `original` only in line breaks, it was not edited, and `original`
    is returned.
    """
    if original is not None and uniform(sent) == uniform(original):
        return original
    return sent.replace("\r\n", "\n")


def uniform(text: str) -> str:
    """Return text with the line breaks of a browser's text area."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
