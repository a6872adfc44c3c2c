"""Admin site of the catalog, for data fixes. Secrets are not shown; templates are read-only."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from catalog.models import (
    Constraint,
    Grant,
    LaunchRole,
    Portfolio,
    Product,
    Region,
    TagOption,
    Template,
    Version,
)
from console.lib.named_admin import NamedAdmin


class KeptAdmin(admin.ModelAdmin):
    """Rows that past tasks refer to: they are removed by their verb, not here."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ShownAdmin(KeptAdmin):
    """Read-only rows."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Product)
class ProductAdmin(NamedAdmin, KeptAdmin):
    list_display = ("name", "provider", "template_kind", "created_at")
    list_filter = ("template_kind",)
    search_fields = ("id", "name", "provider")
    readonly_fields = ("id", "template_kind", "created_at")


@admin.register(Version)
class VersionAdmin(KeptAdmin):
    list_display = ("name", "product", "guidance", "active", "created_at")
    list_select_related = ("product",)
    list_filter = ("guidance", "active")
    search_fields = ("id", "name", "product__name")
    readonly_fields = ("id", "product", "template", "created_at")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # A version is published by its verb, which checks the template.
        return False


@admin.register(Template)
class TemplateAdmin(ShownAdmin):
    list_display = ("id", "kind", "digest", "created_at")
    list_filter = ("kind",)
    search_fields = ("id", "digest")
    fields = ("id", "kind", "digest", "created_by", "created_at", "body", "files")
    readonly_fields = fields


class GrantInline(admin.TabularInline):
    model = Grant
    extra = 0
    raw_id_fields = ("user", "role")


@admin.register(Portfolio)
class PortfolioAdmin(NamedAdmin):
    list_display = ("name", "provider", "created_at")
    search_fields = ("id", "name", "provider")
    readonly_fields = ("id", "created_at")
    raw_id_fields = ("products",)
    inlines = (GrantInline,)


@admin.register(Constraint)
class ConstraintAdmin(admin.ModelAdmin):
    list_display = ("kind", "product", "portfolio", "description")
    list_select_related = ("product", "portfolio")
    list_filter = ("kind",)
    search_fields = ("id", "product__name", "portfolio__name")
    readonly_fields = ("id", "kind", "product", "portfolio", "created_at")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # A constraint is imposed by its verb, which checks the configuration.
        return False


@admin.register(TagOption)
class TagOptionAdmin(admin.ModelAdmin):
    list_display = ("key", "value", "active")
    list_filter = ("active",)
    search_fields = ("id", "key", "value")
    readonly_fields = ("id", "created_at")
    raw_id_fields = ("products", "portfolios")


@admin.register(Region)
class RegionAdmin(admin.ModelAdmin):
    list_display = ("name", "id", "active", "engine")
    list_filter = ("active", "engine")
    search_fields = ("id", "name")
    fields = ("id", "name", "endpoint", "active", "engine", "credential_names")
    readonly_fields = ("credential_names",)

    @admin.display(description=_("credentials"))
    def credential_names(self, region: Region) -> str:
        return ", ".join(region.credential_names) or "–"


@admin.register(LaunchRole)
class LaunchRoleAdmin(ShownAdmin):
    list_display = ("name", "created_at")
    search_fields = ("id", "name")
    fields = ("id", "name", "credential_names", "created_at")
    readonly_fields = fields

    @admin.display(description=_("credentials"))
    def credential_names(self, role: LaunchRole) -> str:
        return ", ".join(role.credential_names)
