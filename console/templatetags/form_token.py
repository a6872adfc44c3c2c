"""The token of a form, and for whom the form was shown. Replaces Django's tag everywhere."""

from typing import Any

from django import template
from django.template.base import Parser, Token
from django.template.defaulttags import CsrfTokenNode
from django.utils.html import format_html

register = template.Library()


class FormTokenNode(CsrfTokenNode):
    """Add the user to Django's token: another user must not send what this one has typed."""

    def render(self, context: Any) -> str:
        token = super().render(context)
        user = getattr(context.get("request"), "user", None)
        if not token or user is None or not user.is_authenticated:
            return token
        field = '<input type="hidden" name="signed_in_as" value="{}">'
        return token + format_html(field, user.principal_id)


@register.tag
def csrf_token(parser: Parser, token: Token) -> FormTokenNode:
    return FormTokenNode()
