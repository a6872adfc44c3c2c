"""Line breaks of text areas: browsers send `\\r\\n` for every one, whatever was stored.

https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#constructing-the-form-data-set
"""


def received(sent: str, original: str | None = None) -> str:
    """Return sent text with `\\n` as its line break.

    Text that differs from `original` only in its line breaks was not edited: `original`
    is returned as it is.
    """
    if original is not None and uniform(sent) == uniform(original):
        return original
    return sent.replace("\r\n", "\n")


def uniform(text: str) -> str:
    """Write every line break as a browser's text area holds it."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
