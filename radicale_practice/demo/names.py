"""Words of the demonstration practice: invented people with names that are common in Austria."""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


WOMEN = _words(
    "Maria Anna Elisabeth Katharina Sophie Theresa Johanna Magdalena Eva Julia Lena Laura Sarah Lisa "
    "Barbara Christina Martina Sabine Petra Claudia Gertraud Waltraud Brigitte Ingrid Helga Renate "
    "Hannelore Rosemarie Bärbel Käthe Zoë Noémi Mürvet Đurđa Ayşe Zsuzsanna Ljiljana Agnieszka Hildegard "
    "Roswitha"
)

MEN = _words(
    "Josef Franz Johann Karl Thomas Michael Andreas Stefan Markus Lukas Tobias Florian Sebastian Matthias "
    "Paul Jakob Felix David Günther Jörg Jürgen René André Björn Rüdiger Götz Peter Gerhard Helmut "
    "Herbert Wolfgang Manfred Alois Leopold Ferdinand Mehmet Dragan Zoltán Łukasz Radovan"
)

FAMILIES = _words(
    "Huber Gruber Bauer Wagner Müller Pichler Steiner Moser Mayer Hofer Leitner Berger Fuchs Eder Fischer "
    "Schmid Winkler Weber Schwarz Maier Schneider Reiter Mayr Schmidt Wimmer Egger Brunner Lang "
    "Baumgartner Auer Binder Lechner Wolf Wallner Aigner Ebner Koller Lehner Haas Schuster Böhm Köck "
    "Öllinger Grün Jäger Bärnthaler Weiß Strauß Großschädl Kröll Übleis Zöhrer Yılmaz Nováková Horváth "
    "Jovanović Šimić Đorđević Nagy O’Brien Weinzierl-Hödl Gößweiner Hölzl Türk Fröschl Schöller "
    "Kürsteiner Mühlbacher Höllwarth Stögmüller"
)

TREATMENTS = (
    "Physiotherapie",
    "Heilgymnastik",
    "Manuelle Therapie",
    "Lymphdrainage",
    "Erstbefund",
    "Kontrolle",
    "Massage",
    "Elektrotherapie",
    "Schultermobilisation",
    "Rückenschule",
)

NOTES = (
    "",
    "",
    "",
    "",
    "Bitte Verordnung mitbringen",
    "Kommt mit Begleitung",
    "Überweisung liegt vor",
    "Chefärztliche Bewilligung ausständig",
)
