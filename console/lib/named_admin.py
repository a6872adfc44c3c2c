"""Django admin for records with names: a duplicate name is reported at its field."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _

from console.lib.names import folded


class FreeNameMixin(forms.ModelForm):
    """A model form that refuses a name that another record has, ignoring case."""

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        name = getattr(self.instance, "NAME", "name")
        if name not in self.cleaned_data or name not in self.changed_data:
            return
        key = folded(getattr(self.instance, name))
        rows = type(self.instance)._default_manager.exclude(pk=self.instance.pk)
        # A record with an equal key from an earlier release keeps it.
        if self.instance.name_key.partition("\n")[0] == key:
            return
        if rows.filter(name_key=key).exists():
            self.add_error(name, _("This name is already in use. Enter another name."))


class NamedAdmin(admin.ModelAdmin):
    """Model admin that checks that names are unique, ignoring case."""

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        return type(form.__name__, (FreeNameMixin, form), {})
