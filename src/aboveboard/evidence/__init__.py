"""Collectors and their runner: from subjects to sealed evidence."""
