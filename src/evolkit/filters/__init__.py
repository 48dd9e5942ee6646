"""Checks of single texts and of whole sets. Each filter is one small module."""
