"""Django admin for users, groups and the audit log. Groups are `Role` rows with principal IDs."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _

from console.lib.access import fresh_sign_in_required
from console.lib.named_admin import NamedAdmin
from console.models import AuditEntry, Role, User

admin.site.unregister(Group)


@admin.register(User)
class ConsoleUserAdmin(NamedAdmin, UserAdmin):
    list_display = ("username", "first_name", "last_name", "is_active", "is_staff")
    readonly_fields = ("principal_id", "last_login", "date_joined")
    fieldsets = (
        *(UserAdmin.fieldsets or ()),
        (_("API"), {"fields": ("principal_id",)}),
    )

    @method_decorator(fresh_sign_in_required)
    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        return super().user_change_password(request, id, form_url)


@admin.register(Role)
class RoleAdmin(NamedAdmin, GroupAdmin):
    list_display = ("name", "principal_id")
    fields = ("name", "principal_id", "permissions")
    readonly_fields = ("principal_id",)


@admin.register(AuditEntry)
class AuditEntryAdmin(admin.ModelAdmin):
    list_display = ("at", "actor_name", "action", "target_type", "target_name")
    list_filter = ("action", "target_type")
    search_fields = ("=target_id", "=actor_name", "=request_id")
    ordering = ("-at", "-id")
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: AuditEntry | None = None
    ) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: AuditEntry | None = None
    ) -> bool:
        return False
