"""Addresses of what can be launched."""

from django.urls import path

from catalog.views import products

app_name = "catalog"

urlpatterns = [
    path("products/", products.product_list, name="product-list"),
    path("products/<str:pk>/", products.product_detail, name="product-detail"),
]
