"""Example templates, which are trusted by their digests and can use provisioners."""

from functools import cache
from pathlib import Path

from catalog.models.template import Template, digest_of

EXAMPLES = Path(__file__).parent.parent / "examples"


def example_files(name: str) -> dict[str, str]:
    """Return the texts of the files of an example by path."""
    folder = EXAMPLES / name
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@cache
def _digests() -> frozenset[str]:
    return frozenset(
        digest_of(Template.Kind.TERRAFORM, example_files(folder.name), "")
        for folder in EXAMPLES.iterdir()
        if folder.is_dir()
    )


def is_trusted(template: Template) -> bool:
    """Return True if a template is an unchanged example."""
    return template.digest in _digests()
