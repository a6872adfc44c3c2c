"""Data fixes of known errors; the pages under Manage can also test a pattern."""

from django.contrib import admin

from instances.models import KnownError


@admin.register(KnownError)
class KnownErrorAdmin(admin.ModelAdmin):
    list_display = ("title", "pattern", "position", "active")
    list_filter = ("active",)
    search_fields = ("=id", "title", "pattern")
    readonly_fields = ("id", "created_at")
