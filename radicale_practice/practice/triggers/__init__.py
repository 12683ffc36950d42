"""Triggers that note every change of a visible row, by whatever program, generated for each engine.

``description`` says once which columns are visible and how a row leads to calendar objects; ``postgresql``
and ``sqlite`` make the statements; ``install`` drops and makes all of them.
"""

from radicale_practice.practice.triggers.install import expected_texts, install, present

__all__ = ["expected_texts", "install", "present"]
