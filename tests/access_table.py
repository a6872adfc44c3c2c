"""Which role gets what from each address; whoever adds an address enters it here."""

import re

from django.urls import URLPattern, URLResolver, get_resolver

# What the table says: who gets an answer. Everybody else gets the 404 of what is missing.
# alice owns everything, carol approves launches of her product, bob has nothing to do with it.
PUBLIC = ("anonymous", "alice", "bob", "carol", "admin", "deactivated")
MEMBERS = ("alice", "bob", "carol", "admin")
OWNERS = ("alice", "admin")
PLAN = ("alice", "carol", "admin")
ALICE = ("alice",)
ADMIN = ("admin",)
# Who has none of what the page is about: a second factor, another session.
NOBODY = ()
SAFE, POST, BOTH = ("GET", "HEAD"), ("POST",), ("GET", "HEAD", "POST")
ALL_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")

# Addresses are named by their routes.
TABLE = {
    "": (MEMBERS, SAFE),
    "products/": (MEMBERS, SAFE),
    "products/<str:pk>/": (ALICE, SAFE),
    "products/<str:pk>/launch/": (ALICE, BOTH),
    "products/<str:pk>/launch/review/": (ALICE, BOTH),
    "instances/": (MEMBERS, SAFE),
    "instances/export.csv": (MEMBERS, SAFE),
    "instances/transfer/": (ADMIN, POST),
    "instances/<str:pk>/": (OWNERS, SAFE),
    "instances/<str:pk>/row/": (OWNERS, SAFE),
    "instances/<str:pk>/status/": (OWNERS, SAFE),
    "instances/<str:pk>/tasks/": (OWNERS, SAFE),
    "instances/<str:pk>/resources/": (OWNERS, SAFE),
    "instances/<str:pk>/tags/": (OWNERS, SAFE),
    "instances/<str:pk>/plans/": (OWNERS, SAFE),
    "instances/<str:pk>/terminate/": (OWNERS, BOTH),
    "instances/<str:pk>/terminate/plan/": (OWNERS, BOTH),
    "instances/<str:pk>/retry/": (OWNERS, POST),
    "instances/<str:pk>/transfer/": (ADMIN, BOTH),
    "instances/<str:pk>/reconcile/": (ADMIN, BOTH),
    "instances/<str:pk>/update/": (OWNERS, BOTH),
    "instances/<str:pk>/update/review/": (OWNERS, BOTH),
    "instances/<str:pk>/tasks/<str:task>/": (OWNERS, SAFE),
    "instances/<str:pk>/tasks/<str:task>/progress/": (OWNERS, SAFE),
    "instances/<str:pk>/tasks/<str:task>/log/": (OWNERS, SAFE),
    "instances/<str:pk>/tasks/<str:task>/log/download/": (OWNERS, SAFE),
    "instances/<str:pk>/tasks/<str:task>/output/": (OWNERS, SAFE),
    "instances/<str:pk>/tasks/<str:task>/parameters/": (OWNERS, SAFE),
    "instances/<str:pk>/tasks/<str:task>/cancel/": (OWNERS, BOTH),
    "instances/<str:pk>/tasks/<str:task>/reconcile/": (ADMIN, BOTH),
    "instances/<str:pk>/tasks/<str:task>/outcome/": (OWNERS, SAFE),
    "plans/<str:pk>/outcome/": (PLAN, SAFE),
    "plans/": (MEMBERS, SAFE),
    "plans/<str:pk>/": (PLAN, SAFE),
    "plans/<str:pk>/decide/": (PLAN, POST),
    "plans/<str:pk>/execute/": (PLAN, BOTH),
    "plans/<str:pk>/cancel/": (PLAN, BOTH),
    "plans/<str:pk>/delete/": (PLAN, BOTH),
    "plans/<str:pk>/preview/": (PLAN, POST),
    "notices/": (MEMBERS, SAFE),
    "notices/read/": (MEMBERS, POST),
    "notices/<int:pk>/open/": (ALICE, POST),
    "access-keys/": (MEMBERS, SAFE),
    "access-keys/create/": (MEMBERS, POST),
    "access-keys/<str:pk>/disable/": (ALICE, POST),
    "access-keys/<str:pk>/enable/": (ALICE, POST),
    "access-keys/<str:pk>/delete/": (ALICE, BOTH),
    "docs/api/": (MEMBERS, SAFE),
    "docs/api/<str:name>/": (MEMBERS, SAFE),
    "openapi.json": (PUBLIC, SAFE),
    "appearance/": (PUBLIC, POST),
    "language/": (PUBLIC, ALL_METHODS),
    "healthz": (PUBLIC, SAFE),
    "readyz": (PUBLIC, SAFE),
    "metrics": (ADMIN, SAFE),
    "-/<slug:stem>.<slug:digest>.<slug:suffix>": (PUBLIC, SAFE),
    "accounts/login/": (PUBLIC, BOTH),
    "accounts/logout/": (PUBLIC, BOTH),
    "accounts/inactive/": (PUBLIC, SAFE),
    "accounts/": (MEMBERS, SAFE),
    "accounts/reauthenticate/": (MEMBERS, BOTH),
    "accounts/password/change/": (MEMBERS, BOTH),
    "accounts/sessions/": (MEMBERS, SAFE),
    "accounts/sessions/end/": (NOBODY, POST),
    "accounts/2fa/": (MEMBERS, SAFE),
    "accounts/2fa/authenticate/": (PUBLIC, BOTH),
    "accounts/2fa/reauthenticate/": (MEMBERS, BOTH),
    "accounts/2fa/totp/activate/": (MEMBERS, BOTH),
    "accounts/2fa/totp/deactivate/": (NOBODY, BOTH),
    "accounts/2fa/recovery-codes/": (NOBODY, SAFE),
    "accounts/2fa/recovery-codes/generate/": (MEMBERS, BOTH),
    "accounts/2fa/recovery-codes/download/": (NOBODY, BOTH),
    "accounts/2fa/webauthn/": (MEMBERS, SAFE),
    "accounts/2fa/webauthn/add/": (MEMBERS, BOTH),
    "accounts/2fa/webauthn/login/": (PUBLIC, BOTH),
    "accounts/2fa/webauthn/reauthenticate/": (MEMBERS, BOTH),
    "accounts/2fa/webauthn/keys/<int:pk>/remove/": (ALICE, BOTH),
    "accounts/2fa/webauthn/keys/<int:pk>/edit/": (ALICE, BOTH),
}
# Administrators and approvers see the plans of others, and their owners alone act on them.
FORBIDDEN = {
    (role, "POST", f"plans/<str:pk>/{step}/")
    for role in ("admin", "carol")
    for step in ("cancel", "delete", "preview")
}
READ = """
products/ products/<P>/ products/<P>/reach/ products/<V>/ products/<V>/files/ products/<V>/download/
products/<V>/compare/ products/<V>/check/ portfolios/ portfolios/<F>/
portfolios/<F>/constraints/ tag-options/ products/<P>/tag-options/
portfolios/<F>/tag-options/ regions/ known-errors/ people/ audit/ audit/export.csv
"""
WRITE = """
products/<V>/recheck/ products/<V>/activate/ people/<N>/undo/ people/<N>/sessions/end/
portfolios/<F>/products/<str:product_pk>/add/
products/<P>/tag-options/<O>/attach/ products/<P>/tag-options/<O>/detach/
portfolios/<F>/tag-options/<O>/attach/ portfolios/<F>/tag-options/<O>/detach/
"""
READ_AND_WRITE = """
products/new/ products/<P>/edit/ products/<P>/copy/ products/<P>/delete/
products/<P>/versions/new/ products/<V>/try/ products/<V>/edit/ products/<V>/delete/
portfolios/new/ portfolios/<F>/edit/ portfolios/<F>/delete/
portfolios/<F>/products/<str:product_pk>/remove/ portfolios/<F>/access/
portfolios/<F>/access/<int:grant_pk>/remove/ portfolios/<F>/constraints/new/
portfolios/<F>/constraints/<C>/ portfolios/<F>/constraints/<C>/delete/
tag-options/new/ tag-options/<K>/ tag-options/<K>/delete/ regions/new/ regions/<K>/
regions/<K>/delete/ regions/<K>/test/ known-errors/new/ known-errors/<K>/
known-errors/<K>/delete/ launch-roles/new/ launch-roles/<K>/ launch-roles/<K>/delete/
people/<N>/ people/<N>/second-factors/remove/
"""
SHORT = {
    "<P>": "<str:pk>",
    "<F>": "<str:pk>",
    "<K>": "<str:pk>",
    "<V>": "<str:pk>/versions/<str:version_pk>",
    "<O>": "<str:option>",
    "<C>": "<str:constraint_pk>",
    "<N>": "<str:name>",
}
for routes, methods in ((READ, SAFE), (WRITE, POST), (READ_AND_WRITE, BOTH)):
    for short in routes.split():
        route = re.sub(r"<[A-Z]>", lambda found: SHORT[found.group()], short)
        TABLE[f"manage/{route}"] = (ADMIN, methods)
SKIPPED = {
    "admin/": "Django's own, behind is_staff: tests/catalog/test_admin.py and others",
}


def routes(patterns=None, before=""):
    """Every address the project answers, as the URL configuration writes it."""
    for each in get_resolver().url_patterns if patterns is None else patterns:
        route = before + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from routes(each.url_patterns, route)
        elif isinstance(each, URLPattern):
            yield route


def skipped(route):
    return any(route.startswith(prefix) for prefix in SKIPPED)
