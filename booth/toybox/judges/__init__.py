"""Toybox's judges: three small networks, trained on renders only, that look at pictures.

`checker` reads what a picture shows, `clip` compares a picture with a sentence, and `likeness`
compares the subjects of two pictures. None of them has ever seen a picture made by a model.
"""
