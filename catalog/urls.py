"""Addresses of the catalog: the pages of end users, and the administration below `/manage/`."""

from django.urls import include, path

from catalog.views import products as launchable
from catalog.views.manage import (
    constraints,
    portfolios,
    products,
    regions,
    tag_options,
    users,
    versions,
)

end_user_pages = [
    path("products/", launchable.product_list, name="product-list"),
    path("products/<str:pk>/", launchable.product_detail, name="product-detail"),
]

product = "products/<str:pk>/"
version = f"{product}versions/<str:version_pk>/"
portfolio = "portfolios/<str:pk>/"
constraint = f"{portfolio}constraints/<str:constraint_pk>/"
PRODUCT, PORTFOLIO = {"kind": "product"}, {"kind": "portfolio"}

administration = [
    path("products/", products.product_list, name="product-list"),
    path("products/new/", products.product_create, name="product-create"),
    path(product, products.product_detail, name="product-detail"),
    path(f"{product}edit/", products.product_edit, name="product-edit"),
    path(f"{product}copy/", products.product_copy, name="product-copy"),
    path(f"{product}delete/", products.product_delete, name="product-delete"),
    path(f"{product}reach/", products.product_launch_access, name="product-reach"),
    path(f"{product}versions/new/", versions.version_create, name="version-create"),
    path(version, versions.version_detail, name="version-detail"),
    path(f"{version}files/", versions.version_files, name="version-files"),
    path(f"{version}download/", versions.version_download, name="version-download"),
    path(f"{version}compare/", versions.version_compare, name="version-compare"),
    path(f"{version}check/", versions.version_check, name="version-check"),
    path(f"{version}recheck/", versions.version_recheck, name="version-recheck"),
    path(f"{version}activate/", versions.version_activate, name="version-activate"),
    path(f"{version}edit/", versions.version_edit, name="version-edit"),
    path(f"{version}delete/", versions.version_delete, name="version-delete"),
    path("portfolios/", portfolios.portfolio_list, name="portfolio-list"),
    path("portfolios/new/", portfolios.portfolio_create, name="portfolio-create"),
    path(portfolio, portfolios.portfolio_detail, name="portfolio-detail"),
    path(f"{portfolio}edit/", portfolios.portfolio_edit, name="portfolio-edit"),
    path(f"{portfolio}delete/", portfolios.portfolio_delete, name="portfolio-delete"),
    path(
        f"{portfolio}products/<str:product_pk>/add/",
        portfolios.portfolio_add_product,
        name="portfolio-add-product",
    ),
    path(
        f"{portfolio}products/<str:product_pk>/remove/",
        portfolios.portfolio_remove_product,
        name="portfolio-remove-product",
    ),
    path(f"{portfolio}access/", portfolios.portfolio_access, name="portfolio-access"),
    path(
        f"{portfolio}access/<int:grant_pk>/remove/",
        portfolios.grant_remove,
        name="grant-remove",
    ),
    path(
        f"{portfolio}constraints/", constraints.constraint_list, name="constraint-list"
    ),
    path(
        f"{portfolio}constraints/new/",
        constraints.constraint_create,
        name="constraint-create",
    ),
    path(constraint, constraints.constraint_edit, name="constraint-edit"),
    path(
        f"{constraint}delete/", constraints.constraint_delete, name="constraint-delete"
    ),
    path("tag-options/", tag_options.tag_option_list, name="tag-option-list"),
    path("tag-options/new/", tag_options.tag_option_create, name="tag-option-create"),
    path("tag-options/<str:pk>/", tag_options.tag_option_edit, name="tag-option-edit"),
    path(
        "tag-options/<str:pk>/delete/",
        tag_options.tag_option_delete,
        name="tag-option-delete",
    ),
    path(
        f"{product}tag-options/",
        tag_options.attached_tag_options,
        PRODUCT,
        name="product-tag-options",
    ),
    path(
        f"{product}tag-options/<str:option>/attach/",
        tag_options.tag_option_attach,
        PRODUCT,
        name="product-tag-option-attach",
    ),
    path(
        f"{product}tag-options/<str:option>/detach/",
        tag_options.tag_option_detach,
        PRODUCT,
        name="product-tag-option-detach",
    ),
    path(
        f"{portfolio}tag-options/",
        tag_options.attached_tag_options,
        PORTFOLIO,
        name="portfolio-tag-options",
    ),
    path(
        f"{portfolio}tag-options/<str:option>/attach/",
        tag_options.tag_option_attach,
        PORTFOLIO,
        name="portfolio-tag-option-attach",
    ),
    path(
        f"{portfolio}tag-options/<str:option>/detach/",
        tag_options.tag_option_detach,
        PORTFOLIO,
        name="portfolio-tag-option-detach",
    ),
    path("regions/", regions.region_list, name="region-list"),
    path("regions/new/", regions.region_create, name="region-create"),
    path("regions/<str:pk>/", regions.region_edit, name="region-edit"),
    path("regions/<str:pk>/delete/", regions.region_delete, name="region-delete"),
    path("launch-roles/new/", regions.launch_role_create, name="launch-role-create"),
    path("launch-roles/<str:pk>/", regions.launch_role_edit, name="launch-role-edit"),
    path(
        "launch-roles/<str:pk>/delete/",
        regions.launch_role_delete,
        name="launch-role-delete",
    ),
    path("people/", users.user_list, name="people"),
]

urlpatterns = [
    path("", include((end_user_pages, "catalog"))),
    path("manage/", include((administration, "manage"))),
]
