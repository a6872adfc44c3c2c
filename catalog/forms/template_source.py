"""Form for a new version and the source of its template."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from catalog.forms.product import VersionFields
from catalog.forms.upload import read_files, read_folder, read_text
from catalog.models import Product, Template, Version
from catalog.models.trusted import EXAMPLES, example_files
from catalog.schema.size_limits import MAX_TEMPLATE_BYTES
from console.lib.forms import VerbForm
from console.lib.users import User


class ManyFilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FolderInput(ManyFilesInput):
    """An input for a folder. `folder.js` adds the paths of its files, which browsers omit."""

    def __init__(self) -> None:
        super().__init__(attrs={"webkitdirectory": True, "data-folder": True})


class ManyFilesField(forms.FileField):
    """Several uploaded files, as a list."""

    widget = ManyFilesInput

    def clean(self, data: object, initial: object = None) -> list[UploadedFile]:
        uploads = data if isinstance(data, list) else [data] if data else []
        return [super(ManyFilesField, self).clean(each, initial) for each in uploads]


def _examples() -> list[tuple[str, str]]:
    names = sorted(folder.name for folder in EXAMPLES.iterdir() if folder.is_dir())
    return [("", "—"), *((name, name) for name in names)]


class SourceForm(VersionFields, VerbForm):
    """The arguments of `Version.objects.publish`, and the source of the template.

    The source is files or a zip, a ROS template, another version or an example. Uploaded
    files replace those of the same name in the other version.
    """

    class Source:
        FILES, DOCUMENT, VERSION, EXAMPLE = "uploads", "document", "version", "example"

    source = forms.ChoiceField(
        label=_("Template source"),
        widget=forms.RadioSelect,
        initial=Source.FILES,
        choices=[
            (Source.FILES, _("Terraform files, a folder, or a .zip file")),
            (Source.DOCUMENT, _("A ROS template in YAML or JSON")),
            (Source.VERSION, _("Another version of this product")),
            (Source.EXAMPLE, _("Getting started example")),
        ],
    )
    uploads = ManyFilesField(
        allow_empty_file=True,
        label=_("Terraform files or .zip file"),
        required=False,
        help_text=_(
            "Up to 50 files, 512 KiB in total. Files and folders whose names start with "
            "a dot are skipped."
        ),
    )
    folder = ManyFilesField(
        widget=FolderInput,
        allow_empty_file=True,
        label=_("Or a folder"),
        required=False,
        help_text=_(
            "Includes subfolders. Files and folders whose names start with a dot are "
            "skipped."
        ),
    )
    paths = forms.JSONField(required=False, widget=forms.HiddenInput)
    document = forms.CharField(
        label=_("ROS template"),
        required=False,
        strip=False,
        max_length=MAX_TEMPLATE_BYTES,
        widget=forms.Textarea(attrs={"rows": 10, "spellcheck": "false"}),
    )
    document_file = forms.FileField(label=_("Or upload a file"), required=False)
    previous = forms.ModelChoiceField(
        label=_("Base version"),
        queryset=Version.objects.none(),
        required=False,
        help_text=_("Uploaded files replace files with the same name in this version."),
    )
    example = forms.ChoiceField(label=_("Example"), choices=_examples, required=False)

    def __init__(
        self, *args: Any, product: Product | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        if product is None:
            del self.fields["previous"]
            choices = self.fields["source"].choices  # type: ignore[attr-defined]
            self.fields["source"].choices = [  # type: ignore[attr-defined]
                choice for choice in choices if choice[0] != self.Source.VERSION
            ]
        else:
            versions = product.versions.select_related("template")
            self.fields["previous"].queryset = versions  # type: ignore[attr-defined]

    def clean(self) -> dict[str, object]:
        needed = {
            self.Source.FILES: ["uploads", "folder"],
            self.Source.DOCUMENT: ["document", "document_file"],
            self.Source.VERSION: ["previous"],
            self.Source.EXAMPLE: ["example"],
        }.get(self.cleaned_data.get("source", ""), [])
        given = any(self.cleaned_data.get(name) for name in needed)
        if needed and not given and not self.errors.keys() & set(needed):
            raise ValidationError({needed[0]: _("Provide the template here.")})
        previous = self.cleaned_data.get("previous")
        if previous and previous.template.body and self._uploaded:
            raise ValidationError(
                {
                    "uploads": _(
                        "The selected version is a ROS template, not a set of files. Edit the ROS "
                        "template instead."
                    )
                }
            )
        return self.cleaned_data

    @property
    def _uploaded(self) -> bool:
        return bool(self.cleaned_data.get("uploads") or self.cleaned_data.get("folder"))

    def _read(self) -> dict[str, str]:
        """Return the texts of the uploaded files by path. Raises TemplateError."""
        uploads, folder = self.cleaned_data["uploads"], self.cleaned_data["folder"]
        files = read_folder(folder, self.cleaned_data["paths"]) if folder else {}
        return files | (read_files(uploads) if uploads else {})

    def verb_values(self) -> dict[str, object]:
        """Return the keyword arguments of `publish`, without product and template."""
        names = ("name", "description", "guidance", "active")
        return {name: self.cleaned_data[name] for name in names}

    def template(self, by: User) -> Template:
        """Store the chosen template. Raises TemplateError with file and line."""
        data, source = self.cleaned_data, self.cleaned_data["source"]
        if source == self.Source.EXAMPLE:
            return Template.objects.from_files(example_files(data["example"]), by=by)
        if source == self.Source.DOCUMENT:
            upload = data["document_file"]
            # Browsers send the line ends of a text area as CR LF.
            typed = data["document"].replace("\r\n", "\n")
            text = read_text(upload) if upload else typed
            return Template.objects.from_document(text, by=by)
        files = self._read()
        if source == self.Source.FILES:
            return Template.objects.from_files(files, by=by)
        old: Template = data["previous"].template
        if not files:
            return old
        return Template.objects.from_files({**old.files, **files}, by=by)
