"""Reader of uploaded templates: single files, a folder, or a zip, within limits.

The sizes that a zip declares can be wrong, so bytes are counted while they are unpacked.
Nothing is written to disk.
"""

import stat
import zlib
from collections.abc import Iterable
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from catalog.schema import Problem, TemplateError
from catalog.schema.size_limits import MAX_FILES, MAX_TEMPLATE_BYTES

# Enough for a template of 512 KiB, and small enough to read the directory of the zip.
MAX_ZIP_BYTES = 1024 * 1024
MAX_ZIP_ENTRIES = 500
# Files of file managers. Those of other tools begin with a dot.
IGNORED_FILES = {"__MACOSX", "Thumbs.db", "desktop.ini"}
# The only file with a dot that is part of a template: it arranges the form.
METADATA_FILE = ".metadata"
ENCRYPTED_FLAG = 0x1


def read_files(uploads: Iterable[UploadedFile]) -> dict[str, str]:
    """Return the texts of the uploaded files by path. A single zip is unpacked.

    Raises TemplateError with the file.
    """
    uploads = list(uploads)
    if len(uploads) == 1 and (uploads[0].name or "").lower().endswith(".zip"):
        return unzip(uploads[0])
    if len(uploads) > MAX_FILES:
        raise _fail(_("You can upload up to %(limit)d files.") % {"limit": MAX_FILES})
    files: dict[str, str] = {}
    for upload in uploads:
        name = upload.name or ""
        if name.lower().endswith(".zip"):
            raise _fail(
                _("Upload either one .zip file or separate files, not both."), name
            )
        if _is_ignored(name):
            continue
        if name in files:
            raise _fail(_("This file was uploaded twice. Remove one copy."), name)
        files[name] = read_text(upload)
    return files


def read_folder(uploads: Iterable[UploadedFile], paths: object) -> dict[str, str]:
    """Return the texts of the files in an uploaded folder by path.

    Browsers send names without paths; `folder.js` sends the `paths` separately, in the same
    order. Without them all files are taken as files of the root. Raises TemplateError.
    """
    uploads = list(uploads)
    names: list[object] = [upload.name for upload in uploads]
    if isinstance(paths, list) and len(paths) == len(uploads):
        names = paths
    files: dict[str, str] = {}
    for name, upload in zip(map(str, names), uploads, strict=True):
        _check_name(name)
        if _is_ignored(name):
            continue
        if name in files:
            raise _fail(_("This file was uploaded twice. Remove one copy."), name)
        if len(files) >= MAX_FILES:
            raise _fail(
                _("You can upload up to %(limit)d files.") % {"limit": MAX_FILES}
            )
        files[name] = read_text(upload, name)
    return _without_common_folder(files)


def read_text(upload: UploadedFile, name: str = "") -> str:
    """Return the text of an uploaded file. Raises TemplateError."""
    name = name or upload.name or ""
    if (upload.size or 0) > MAX_TEMPLATE_BYTES:
        raise _too_large(name)
    return _decode(upload.read(MAX_TEMPLATE_BYTES + 1), name)


def unzip(upload: UploadedFile) -> dict[str, str]:
    """Return the texts of the files in a zip by path. Raises TemplateError."""
    if (upload.size or 0) > MAX_ZIP_BYTES:
        raise _fail(_("The .zip file is larger than %(limit)d KiB.") % {"limit": 1024})
    try:
        with ZipFile(upload) as archive:
            return _without_common_folder(_unpacked(archive))
    except (BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise _fail(
            _("The .zip file is damaged and cannot be read. Create it again.")
        ) from error


def _unpacked(archive: ZipFile) -> dict[str, str]:
    entries = archive.infolist()
    if len(entries) > MAX_ZIP_ENTRIES:
        raise _fail(
            _("The .zip file has more than %(limit)d entries.")
            % {"limit": MAX_ZIP_ENTRIES}
        )
    files: dict[str, str] = {}
    remaining = MAX_TEMPLATE_BYTES
    for entry in entries:
        _check_entry(entry)
        if entry.is_dir() or _is_ignored(entry.filename):
            continue
        if entry.filename in files:
            raise _fail(_("The .zip file contains this file twice."), entry.filename)
        if len(files) >= MAX_FILES:
            raise _fail(
                _("You can upload up to %(limit)d files.") % {"limit": MAX_FILES}
            )
        with archive.open(entry) as stream:
            data = stream.read(remaining + 1)
        remaining -= len(data)
        if remaining < 0:
            raise _too_large(entry.filename)
        files[entry.filename] = _decode(data, entry.filename)
    return files


def _is_ignored(name: str) -> bool:
    """Return True for the file of a tool, which is not part of the template."""
    return any(
        part in IGNORED_FILES or (part.startswith(".") and part != METADATA_FILE)
        for part in name.split("/")
    )


def _check_entry(entry: ZipInfo) -> None:
    """Refuse names outside the template, and entries that are no regular files."""
    name = entry.orig_filename
    if name != entry.filename:
        raise _fail(_("The file path points outside the template."), name)
    _check_name(name.rstrip("/"))
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _fail(_("Symbolic links and device files are not allowed."), name)
    if entry.flag_bits & ENCRYPTED_FLAG:
        raise _fail(
            _("The .zip file is encrypted. Upload one without a password."), name
        )
    if entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise _fail(
            _("The compression method is not supported. Use a standard .zip file."),
            name,
        )


def _check_name(name: str) -> None:
    """Refuse a path outside the template."""
    parts = name.split("/")
    if (
        "\\" in name
        or ":" in parts[0]
        or any(part in ("", ".", "..") for part in parts)
    ):
        raise _fail(_("The file path points outside the template."), name)


def _without_common_folder(files: dict[str, str]) -> dict[str, str]:
    """Remove the folder around all files, as in a zip of a repository."""
    tops = {name.split("/")[0] for name in files}
    if len(tops) != 1 or any("/" not in name for name in files):
        return files
    cut = len(tops.pop()) + 1
    return {name[cut:]: text for name, text in files.items()}


def _decode(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise _fail(
            _("The file is not UTF-8 text. Save it as UTF-8 and upload it again."), name
        ) from None


def _too_large(name: str) -> TemplateError:
    limit = {"limit": MAX_TEMPLATE_BYTES // 1024}
    return _fail(_("The template is larger than %(limit)d KiB.") % limit, name)


def _fail(message: str, name: str = "") -> TemplateError:
    shown = "".join(c if c.isprintable() else "?" for c in name[:120])
    return TemplateError(Problem(message, file=shown))
