"""Layers, and what puts them together."""
