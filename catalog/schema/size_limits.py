"""Size limits of templates, which all readers check first."""

import re
import unicodedata
from collections.abc import Mapping
from pathlib import PurePosixPath

from django.utils.translation import gettext as _

from catalog.schema.errors import Problem, TemplateError, template_error

MAX_TEMPLATE_BYTES = 512 * 1024
MAX_FILES = 50
MAX_DEPTH = 50
MAX_PARAMETERS = 200
MAX_VALUE_BYTES = 64 * 1024
MAX_KEY_LENGTH = 255

_PATH_LENGTH = 1024
_PATH_PARTS = 5
_PART = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,253}[A-Za-z0-9_-])?")
# Files that Terraform loads from the root folder on its own.
_LOADED_BY_TERRAFORM = re.compile(
    r"(?:.*_)?override\.tf(?:\.json)?"
    r"|terraform\.tfvars(?:\.json)?|.*\.auto\.tfvars(?:\.json)?",
    re.IGNORECASE,
)
# State and settings of Terraform, which can contain secrets, in any folder.
_STATE_OR_SETTINGS = re.compile(r".*\.tfstate.*|.*\.tfplan|.*\.tfrc", re.IGNORECASE)
_FOR_OPENTOFU = re.compile(r".*\.tofu(?:\.json)?", re.IGNORECASE)
_CODE = (".tf", ".tf.json", ".tofu", ".tofu.json")
_MAX_FOLDERS_NAMED = 5


def check_size(text: str) -> None:
    """Refuse a template of more than 512 KiB, or one that is not valid UTF-8 text."""
    if byte_length(text) > MAX_TEMPLATE_BYTES:
        raise template_error(
            _(
                "The template is larger than %(limit)d KiB. Move scripts and data out of "
                "the template."
            )
            % {"limit": MAX_TEMPLATE_BYTES // 1024}
        )


def byte_length(text: str) -> int:
    """Return the length in UTF-8. Raises TemplateError for text that is not UTF-8."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise template_error(
            _("The text is not valid Unicode. Save it as UTF-8 and try again.")
        ) from None
    if "\0" in text:
        raise template_error(_("The text contains a NUL character. Remove it."))
    return size


def check_files(files: Mapping[str, str]) -> None:
    """Refuse a folder that is empty, too large, or has files that are not allowed."""
    if not files:
        raise template_error(_("The template has no files. Add at least main.tf."))
    if len(files) > MAX_FILES:
        raise template_error(
            _("The template has %(count)d files. The maximum is %(limit)d.")
            % {"count": len(files), "limit": MAX_FILES}
        )
    problems = [
        Problem(reason, file=path[:120]) for path in files if (reason := _refusal(path))
    ]
    problems += _twins(files)
    if problems:
        raise TemplateError(*problems)
    for path, text in files.items():
        if not isinstance(text, str):
            raise template_error(_("The content of a file must be text."), path)
    check_size("".join(files.values()))


def check_root(files: Mapping[str, str]) -> None:
    """Refuse a folder without code in its root, naming the folders that have code.

    Terraform runs only the root, so such a template would succeed and create nothing.
    """
    folders = {
        str(PurePosixPath(path).parent) for path in files if path.endswith(_CODE)
    }
    if "." in folders:
        return
    named = sorted(folders, key=lambda folder: (folder.count("/"), folder))
    more = "…" if len(named) > _MAX_FOLDERS_NAMED else ""
    hint = (
        _(
            "These folders contain .tf files: %(folders)s. Upload one of these folders "
            "instead."
        )
        % {"folders": ", ".join(named[:_MAX_FOLDERS_NAMED]) + more}
        if folders
        else _("Add at least main.tf.")
    )
    message = _(
        "The root folder does not contain a .tf file, so the template does not "
        "create any resources."
    )
    raise template_error(f"{message} {hint}")


def _refusal(path: str) -> str:
    parts = path.split("/")
    if len(path) > _PATH_LENGTH or len(parts) > _PATH_PARTS:
        return _(
            "The path is too long or has more than %(depth)d folder levels. Shorten the "
            "path."
        ) % {"depth": _PATH_PARTS}
    if path != ".metadata" and not all(map(_PART.fullmatch, parts)):
        return _(
            "Use a relative path that contains only letters, digits, periods, hyphens, "
            "and underscores, without hidden files or “..”."
        )
    name, in_root = PurePosixPath(path).name, len(parts) == 1
    if in_root and _FOR_OPENTOFU.fullmatch(name):
        return _(
            "Only OpenTofu reads .tofu files. Change the file name extension to .tf."
        )
    loaded = in_root and _LOADED_BY_TERRAFORM.fullmatch(name)
    if loaded or _STATE_OR_SETTINGS.fullmatch(name):
        return _(
            "Templates cannot contain override files, variable files, or state files. "
            "Remove this file."
        )
    return ""


def _twins(files: Mapping[str, str]) -> list[Problem]:
    seen: dict[str, str] = {}
    problems = []
    for path in files:
        folded = unicodedata.normalize("NFC", path).casefold()
        if folded in seen:
            problems.append(
                Problem(
                    _(
                        "This name differs from %(other)s only in letter case. Rename one of the "
                        "files."
                    )
                    % {"other": seen[folded]},
                    file=path,
                )
            )
        seen[folded] = path
    return problems
