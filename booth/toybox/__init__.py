"""Toybox, the embedded base model: a small drawn world and what it takes to learn it.

Importing this package draws, trains and loads nothing; the trained model itself is data, in
`assets/toybox`, and is used through diffusers like any other.
"""
