"""Known errors as data; the pages under Manage try a pattern before it is kept."""

from django.contrib import admin

from instances.models import KnownError


@admin.register(KnownError)
class KnownErrorAdmin(admin.ModelAdmin):
    list_display = ("title", "pattern", "position", "active")
    list_filter = ("active",)
    search_fields = ("=id", "title", "pattern")
    readonly_fields = ("id", "created_at")
