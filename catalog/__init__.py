"""The catalog: products with their versions and templates, portfolios, and access to them.

It does not import the app `instances`.
"""
