"""After a failure: the same once more."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from console.lib.errors import DomainError
from console.lib.http import Request
from instances.models import living_instance_for
from instances.retry import retry
from instances.views.outcome import flash_task


@require_POST
def instance_retry(request: Request, pk: str) -> HttpResponse:
    """Try the failed task again that the person has seen, or say why not."""
    instance = living_instance_for(request.user, pk)
    try:
        task = retry(instance, by=request.user, task=request.POST.get("task", ""))
    except DomainError as refusal:
        # Told where the other ways to go on are.
        messages.error(request, f"{refusal} {refusal.hint}".strip())
        return redirect(instance)
    flash_task(request, task, _("%(name)s is being retried.") % {"name": instance.name})
    return redirect(task)
