"""The URLs of the account pages. Pages of allauth that are not listed do not exist."""

from allauth.account import views as account
from django.conf import settings
from django.urls import include, path

from console.accounts import factor_changes, single_sign_on, views

login = account.LoginView.as_view(extra_context={"sso_name": settings.OIDC_NAME})

urlpatterns = [
    path("", views.account_overview, name="account_overview"),
    path("login/", login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("password/change/", views.password_change, name="account_change_password"),
    path("sessions/", views.session_list, name="account_sessions"),
    path("sessions/end/", views.session_end, name="account_sessions_end"),
    path("2fa/", views.second_factors, name="mfa_index"),
    # Before the pages of allauth at the same URLs: the first match is used.
    path("2fa/totp/activate/", factor_changes.activate_totp),
    path("2fa/totp/deactivate/", factor_changes.deactivate_totp),
    path("2fa/recovery-codes/generate/", factor_changes.generate_codes),
    path("2fa/webauthn/add/", factor_changes.add_passkey),
    path("2fa/webauthn/keys/<int:pk>/remove/", factor_changes.remove_passkey),
    path("2fa/", include("allauth.mfa.urls")),
]

sso_patterns = [
    path("sso/login/", single_sign_on.sso_login, name="sso_login"),
    path("sso/again/", single_sign_on.sso_again, name="sso_again"),
    path("sso/callback/", single_sign_on.sso_callback, name="sso_callback"),
]
if settings.OIDC_URL:
    urlpatterns += sso_patterns
