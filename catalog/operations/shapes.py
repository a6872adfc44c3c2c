"""How the catalogue's nouns look on the wire: the fields, and the rows that fill them."""

from typing import Any

from django.conf import settings

from catalog.models import Constraint, Grant, Portfolio, Product, TagOption, Version
from console.lib.operation import Answer, stamp

PRODUCT = {
    "CreateTime": str,
    "Description": str,
    "ProductArn": str,
    "ProductId": str,
    "ProductName": str,
    "ProductType": str,
    "ProviderName": str,
    "TemplateType": str,
}
PRODUCT_SUMMARY = {**PRODUCT, "HasDefaultLaunchOption": bool}
VERSION = {
    "Active": bool,
    "CreateTime": str,
    "Description": str,
    "Guidance": str,
    "ProductId": str,
    "ProductVersionId": str,
    "ProductVersionName": str,
    "TemplateType": str,
    "TemplateUrl": str,
}
PORTFOLIO = {
    "CreateTime": str,
    "Description": str,
    "PortfolioArn": str,
    "PortfolioId": str,
    "PortfolioName": str,
    "ProviderName": str,
}
TAG_OPTION = {
    "Active": bool,
    "Key": str,
    "Owner": str,
    "TagOptionId": str,
    "Value": str,
}
CONSTRAINT = {
    "Config": str,
    "ConstraintId": str,
    "ConstraintType": str,
    "CreateTime": str,
    "Description": str,
    "PortfolioId": str,
    "ProductId": str,
    "ProductName": str,
}
PRINCIPAL = {"PrincipalId": str, "PrincipalPattern": str, "PrincipalType": str}


def product(row: Product) -> Answer:
    return {
        "CreateTime": stamp(row.created_at),
        "Description": row.description,
        "ProductArn": row.arn,
        "ProductId": row.pk,
        "ProductName": row.name,
        "ProductType": Product.TYPE,
        "ProviderName": row.provider,
        "TemplateType": row.template_kind,
    }


def product_summary(row: Any) -> Answer:
    """A product as an end user sees it, read with its launch options counted."""
    return {**product(row), "HasDefaultLaunchOption": row.launch_option_count == 1}


def version(row: Version) -> Answer:
    """A version, read with its template's kind."""
    return {
        "Active": row.active,
        "CreateTime": stamp(row.created_at),
        "Description": row.description,
        "Guidance": row.guidance,
        "ProductId": row.product_id,
        "ProductVersionId": row.pk,
        "ProductVersionName": row.name,
        "TemplateType": row.template.kind,
        "TemplateUrl": row.template.url,
    }


def portfolio(row: Portfolio) -> Answer:
    return {
        "CreateTime": stamp(row.created_at),
        "Description": row.description,
        "PortfolioArn": row.arn,
        "PortfolioId": row.pk,
        "PortfolioName": row.name,
        "ProviderName": row.provider,
    }


def tag_option(row: TagOption) -> Answer:
    return {
        "Active": row.active,
        "Key": row.key,
        "Owner": settings.ACCOUNT_ID,
        "TagOptionId": row.pk,
        "Value": row.value,
    }


def constraint(row: Constraint, config: str) -> Answer:
    """A constraint, read with its product."""
    return {
        "Config": config,
        "ConstraintId": row.pk,
        "ConstraintType": row.kind,
        "CreateTime": stamp(row.created_at),
        "Description": row.description,
        "PortfolioId": row.portfolio_id,
        "ProductId": row.product_id,
        "ProductName": row.product.name,
    }


def principal(row: Grant) -> Answer:
    """A grant, read with its person and group."""
    named = row.user or row.role
    return {
        "PrincipalId": named.principal_id if named else "",
        "PrincipalPattern": row.pattern,
        "PrincipalType": row.principal_type,
    }
