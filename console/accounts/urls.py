"""The pages of signing in that exist: allauth has more, and those are not found here."""

from allauth.account import views as account
from django.urls import include, path

from console.accounts import views

urlpatterns = [
    path("", views.account_overview, name="account_overview"),
    path("login/", account.login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("password/change/", views.password_change, name="account_change_password"),
    path("sessions/", views.session_list, name="account_sessions"),
    path("sessions/end/", views.session_end, name="account_sessions_end"),
    path("2fa/", include("allauth.mfa.urls")),
]
