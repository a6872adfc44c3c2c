"""Instances, their tasks, plans and resources, and the engines that run them.

This app imports catalog.
"""
