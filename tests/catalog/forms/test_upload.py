"""Uploaded templates: files, folders and zips, hostile ones included."""

import io
import stat
import struct
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from catalog.forms.upload import read_files, read_folder
from catalog.schema import TemplateError


def upload(data, name="template.zip"):
    return SimpleUploadedFile(name, data)


def zipped(*entries, compression=zipfile.ZIP_DEFLATED):
    """A zip of (name or ZipInfo, text)."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, text in entries:
            archive.writestr(name, text)
    return stream.getvalue()


def refusal(*uploads):
    with pytest.raises(TemplateError) as refused:
        read_files(uploads)
    return refused.value.problems[0]


def test_several_files_are_taken_by_name():
    files = read_files([upload(b"a", "main.tf"), upload(b"b", "variables.tf")])
    assert files == {"main.tf": "a", "variables.tf": "b"}


def test_a_folder_is_read_by_the_paths_sent_beside_it():
    uploads = [upload(b"a", "main.tf"), upload(b"b", "main.tf"), upload(b"c", "HEAD")]
    paths = ["web/main.tf", "web/modules/net/main.tf", "web/.git/HEAD"]
    assert read_folder(uploads, paths) == {"main.tf": "a", "modules/net/main.tf": "b"}


@pytest.mark.parametrize("paths", [None, [], "x", {"a": 1}, ["one"]])
def test_folder_without_paths_is_flat(paths):
    uploads = [upload(b"a", "main.tf"), upload(b"b", "outputs.tf")]
    assert read_folder(uploads, paths) == {"main.tf": "a", "outputs.tf": "b"}


@pytest.mark.parametrize(
    "path", ["../main.tf", "a/../../main.tf", "/etc/main.tf", "a//main.tf", "c:/x.tf"]
)
def test_path_outside_the_folder_is_refused(path):
    with pytest.raises(TemplateError, match="outside"):
        read_folder([upload(b"a", "main.tf")], [path])


def test_a_path_given_twice_is_refused():
    uploads = [upload(b"a", "main.tf"), upload(b"b", "main.tf")]
    with pytest.raises(TemplateError, match="twice"):
        read_folder(uploads, None)


def test_a_zip_keeps_its_folders():
    data = zipped(("main.tf", "a"), ("modules/net/main.tf", "b"))
    assert read_files([upload(data)]) == {"main.tf": "a", "modules/net/main.tf": "b"}


def test_common_folder_is_removed():
    data = zipped(("repo-main/main.tf", "a"), ("repo-main/m/x.tf", "b"))
    assert read_files([upload(data)]) == {"main.tf": "a", "m/x.tf": "b"}


def test_files_of_tools_are_ignored():
    data = zipped(
        ("main.tf", "a"),
        ("__MACOSX/._main.tf", "x"),
        (".git/config", "x"),
        (".DS_Store", "x"),
        (".terraform.lock.hcl", "x"),
    )
    assert read_files([upload(data)]) == {"main.tf": "a"}


HIDDEN = (".tflint.hcl", ".pre-commit-config.yaml", "m/.header.md", ".github/x.yml")


def test_files_that_begin_with_a_dot_are_left_out_of_a_zip():
    data = zipped(("main.tf", "a"), (".metadata", "{}"), *((n, "x") for n in HIDDEN))
    assert read_files([upload(data)]) == {"main.tf": "a", ".metadata": "{}"}


def test_files_that_begin_with_a_dot_are_left_out_of_a_folder():
    names = ["main.tf", *HIDDEN]
    uploads = [upload(b"a", name.rpartition("/")[2]) for name in names]
    paths = [f"web/{name}" for name in names]
    assert read_folder(uploads, paths) == {"main.tf": "a"}


def test_files_that_begin_with_a_dot_are_left_out_of_single_files():
    uploads = [upload(b"a", "main.tf"), upload(b"x", ".tflint.hcl")]
    assert read_files(uploads) == {"main.tf": "a"}


def test_byte_order_mark_and_windows_line_ends_are_removed():
    assert read_files([upload(b"\xef\xbb\xbfa\r\nb", "main.tf")]) == {"main.tf": "a\nb"}


@pytest.mark.parametrize(
    "name",
    [
        "../main.tf",
        "/etc/main.tf",
        "a/../../main.tf",
        "a//main.tf",
        "./main.tf",
        "..\\main.tf",
        "C:/main.tf",
        "a/./b.tf",
    ],
)
def test_name_outside_the_template_is_refused(name):
    assert "outside" in refusal(upload(zipped((name, "x")))).message


def test_a_name_cut_by_a_nul_is_refused():
    data = zipped(("main.tfXevil", "x")).replace(b"main.tfXevil", b"main.tf\0evil")
    assert "outside" in refusal(upload(data)).message


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_links_and_devices_are_refused(kind):
    entry = zipfile.ZipInfo("main.tf")
    entry.external_attr = (kind | 0o777) << 16
    assert "Symbolic links" in refusal(upload(zipped((entry, "/etc/passwd")))).message


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_the_same_name_twice_is_refused():
    problem = refusal(upload(zipped(("main.tf", "a"), ("main.tf", "b"))))
    assert (problem.file, "twice" in problem.message) == ("main.tf", True)


def test_zip_bomb_is_stopped_at_the_template_limit():
    data = zipped(("main.tf", "0" * 50_000_000))
    assert len(data) < 100_000
    assert "larger than 512 KiB" in refusal(upload(data)).message


def test_many_files_are_stopped_at_the_template_limit():
    data = zipped(*((f"f{n}.tf", "0" * 100_000) for n in range(40)))
    assert "larger than 512 KiB" in refusal(upload(data)).message


def test_false_size_in_the_header_is_ignored():
    data = bytearray(zipped(("main.tf", "0" * 2_000_000)))
    place = data.index(b"PK\x01\x02")
    struct.pack_into("<I", data, place + 24, 10)
    problem = refusal(upload(bytes(data)))
    assert "damaged" in problem.message or "larger" in problem.message


def test_too_many_entries_are_refused():
    data = zipped(*((f"d{n}/", "") for n in range(501)))
    assert "more than 500 entries" in refusal(upload(data)).message


def test_too_many_files_are_refused():
    data = zipped(*((f"f{n}.tf", "x") for n in range(51)))
    assert "up to 50 files" in refusal(upload(data)).message


def test_large_zip_is_not_opened():
    assert "larger than" in refusal(upload(b"PK" + b"\0" * 1024 * 1024)).message


def test_an_encrypted_zip_is_refused():
    data = bytearray(zipped(("main.tf", "x"), compression=zipfile.ZIP_STORED))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert "encrypted" in refusal(upload(bytes(data))).message


def test_an_unusual_compression_is_refused():
    data = zipped(("main.tf", "x" * 100), compression=zipfile.ZIP_LZMA)
    assert "compression" in refusal(upload(data)).message


@pytest.mark.parametrize("data", [b"", b"PK\x05\x06", b"not a zip", b"PK\x03\x04xx"])
def test_a_damaged_zip_is_refused(data):
    assert "damaged" in refusal(upload(data)).message


def test_a_zip_cut_short_is_refused():
    data = zipped(("main.tf", "x" * 1000), compression=zipfile.ZIP_STORED)
    broken = data.replace(b"x" * 1000, b"y" * 1000)
    assert "damaged" in refusal(upload(broken)).message


def test_a_nested_archive_is_no_text():
    data = zipped(("inner.zip", b"PK\xff\xfe"))
    assert "UTF-8" in refusal(upload(data)).message


def test_a_binary_file_is_refused_by_name():
    problem = refusal(upload(b"\xff\xfe\x00", "main.tf"))
    assert problem.file == "main.tf"


def test_zip_together_with_other_files_is_refused():
    uploads = [upload(zipped(("main.tf", "x"))), upload(b"x", "b.tf")]
    assert "not both" in refusal(*uploads).message


def test_two_files_of_the_same_name_are_refused():
    assert "twice" in refusal(upload(b"a", "m.tf"), upload(b"b", "m.tf")).message
