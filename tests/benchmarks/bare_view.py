"""The baseline of the API benchmark: one Django view without middleware.

It runs the same prepared queries, so that the difference is the cost of the endpoint.
"""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import path
from django.utils.timezone import now

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
application = get_wsgi_application()
settings.ROOT_URLCONF = __name__
settings.MIDDLEWARE = []
application.load_middleware()

from catalog.operations.products import GRANTED
from console.api.access_keys import AccessKey
from console.api.call import Call
from console.api.signature import check_time, matches, read_claim


def view(request):
    call = Call.of(request)
    claim = read_claim(call)
    check_time(claim, now())
    key = AccessKey.objects.for_signature(claim.key_id, with_role=False)
    if not matches(claim, key.secret_text):
        return JsonResponse({"Code": "SignatureDoesNotMatch"}, status=400)
    product = GRANTED.first(
        user=key.user.pk, username=key.user.username, pk=call.query["ProductId"]
    )
    return JsonResponse(
        {
            "ProductId": product.pk,
            "ProductName": product.name,
            "HasDefaultLaunchOption": product.launch_option_count == 1,
        }
    )


urlpatterns = [path("", view)]
