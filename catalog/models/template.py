"""Templates: the files that tasks run, and their parameters."""

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

from django.conf import settings
from django.db import models
from django.utils.module_loading import import_string
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from catalog.ros.document import read_document
from catalog.schema import Schema
from catalog.schema.constants import Constants, Evaluate
from catalog.terraform.parameters import read_terraform
from catalog.terraform.variables import variables_source
from console.lib.exact import ExactDecoder, ExactEncoder
from console.lib.ids import id_field
from console.lib.users import User


class TemplateManager(models.Manager["Template"]):
    def from_files(
        self, files: Mapping[str, str], *, by: User | None = None
    ) -> "Template":
        """Store a folder of Terraform files, given as texts by path.

        Raises TemplateError with file and line.
        """
        schema = read_terraform(files, evaluate=evaluate_constants)
        return self._store(Template.Kind.TERRAFORM, files, schema, by=by)

    def from_document(self, text: str, *, by: User | None = None) -> "Template":
        """Store a ROS document. With a Terraform workspace it is a Terraform template.

        Raises TemplateError with line and reason.
        """
        document = read_document(text, evaluate=evaluate_constants)
        kind = (
            Template.Kind.TERRAFORM
            if document.kind == "terraform"
            else Template.Kind.STANDARD
        )
        return self._store(kind, document.files, document.schema, body=text, by=by)

    def _store(
        self,
        kind: str,
        files: Mapping[str, str],
        schema: Schema,
        *,
        body: str = "",
        by: User | None,
    ) -> "Template":
        terraform = kind == Template.Kind.TERRAFORM
        return self.create(
            kind=kind,
            body=body,
            files=dict(files),
            schema_json=schema.to_json(),
            variables_source=variables_source(files) if terraform else "",
            digest=digest_of(kind, files, "" if terraform else body),
            created_by=by,
        )


def evaluate_constants(blocks: Mapping[str, str]) -> Constants:
    """Evaluate constant expressions by the function in the setting CONSTANTS.

    It is a setting because the catalog must not import the engines.
    """
    evaluate: Evaluate = import_string(settings.CONSTANTS)
    return evaluate(blocks)


def digest_of(kind: str, files: Mapping[str, str], body: str) -> str:
    """Return the SHA-256 of the contents, independent of the order of files."""
    canonical = json.dumps([kind, sorted(files.items()), body], ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


class Template(models.Model):
    """An immutable template: a change is a new template in a new version."""

    class Kind(models.TextChoices):
        TERRAFORM = "RosTerraformTemplate", _("Terraform")
        STANDARD = "RosStandardTemplate", _("ROS")

    id = id_field("tpl")
    kind = models.CharField(_("type"), max_length=24, choices=Kind, editable=False)
    body = models.TextField(_("ROS template"), blank=True, editable=False)
    files = models.JSONField(_("files"), default=dict, editable=False)
    schema_json = models.JSONField(
        _("parameters"),
        default=dict,
        editable=False,
        encoder=ExactEncoder,
        decoder=ExactDecoder,
    )
    variables_source = models.TextField(blank=True, editable=False)
    digest = models.CharField(_("digest"), max_length=64, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("created by"),
    )
    created_at = models.DateTimeField(_("created"), default=now, editable=False)

    objects = TemplateManager()

    class Meta:
        verbose_name = _("template")
        verbose_name_plural = _("templates")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    kind__in=["RosTerraformTemplate", "RosStandardTemplate"]
                ),
                name="template_kind_known",
            )
        ]

    def __str__(self) -> str:
        return self.pk

    @property
    def url(self) -> str:
        """The address of the template in the vendor's format. It cannot be opened."""
        return (
            f"oss://servicecatalog-{settings.REGION_ID}/{settings.ACCOUNT_ID}"
            f"/terraform/template/{self.pk}/template.json"
        )

    def download(self) -> tuple[str, bytes]:
        """Return the suffix and the content of a download: the document, or a zip."""
        if self.body:
            json_text = self.body.lstrip().startswith("{")
            return "json" if json_text else "yaml", self.body.encode()
        stream = BytesIO()
        with ZipFile(stream, "w", ZIP_DEFLATED) as archive:
            for name, text in sorted(self.files.items()):
                archive.writestr(name, text)
        return "zip", stream.getvalue()

    @cached_property
    def schema(self) -> Schema:
        """The parameters, rules and outputs of the template."""
        return Schema.from_json(self.schema_json)

    def split(
        self, values: Mapping[str, object]
    ) -> tuple[dict[str, object], dict[str, object]]:
        """Return the values that can be shown, and the secret ones."""
        return self.schema.split(values)
