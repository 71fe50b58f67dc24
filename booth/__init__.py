"""Birdie: a magic photo booth that teaches a text-to-image model one subject (DreamBooth)."""

__version__ = "0.1.0"
