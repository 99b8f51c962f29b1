"""What each kind of ground looks like, and which crops grow in which season."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Surface:
    """How one kind of ground looks; colours are red, green, blue of 0 to 255."""

    colour: tuple[int, int, int]
    """Where it grows well."""
    second: tuple[int, int, int]
    """Where it does not: thin, wet or dry."""
    patches: float = 0.35
    """Share of the second colour in patches."""
    streaks: float = 0.05
    """Contrast of the long streaks that machines leave."""
    row: float = 0.0
    """Metres from row to row, 0 for none."""
    row_contrast: float = 0.0
    """Contrast of the rows."""
    tramline: float = 0.0
    """Metres from wheel track to wheel track, 0 for none."""
    speckle: float = 0.05
    """Contrast from clod to clod."""


CROPS = {
    "cereal": Surface((92, 122, 72), (140, 142, 98), 0.3, 0.05, tramline=24.0),
    "ripe cereal": Surface((176, 160, 112), (150, 138, 96), 0.4, 0.05, tramline=24.0),
    "maize": Surface((70, 103, 62), (104, 124, 78), 0.35, 0.06, 1.5, 0.10),
    "soya": Surface((84, 126, 72), (146, 144, 104), 0.4, 0.06, 0.9, 0.05),
    "soil": Surface((158, 146, 126), (122, 110, 94), 0.7, 0.06, speckle=0.05),
    "plough": Surface((124, 110, 94), (148, 134, 114), 0.6, 0.09, 3.0, 0.04, speckle=0.08),
    "stubble": Surface((186, 170, 128), (154, 142, 104), 0.4, 0.10, 5.5, 0.05),
    "meadow": Surface((104, 128, 72), (142, 142, 92), 0.7, 0.02, speckle=0.09),
    "hay": Surface((140, 154, 98), (168, 166, 112), 0.4, 0.07, 7.0, 0.07),
    "rape": Surface((154, 154, 94), (126, 138, 80), 0.4, 0.04, tramline=24.0),
    "beet": Surface((84, 122, 62), (120, 128, 80), 0.35, 0.07, 2.7, 0.08),
    "vine": Surface((112, 122, 78), (158, 142, 108), 0.4, 0.05, 2.4, 0.26),
    "orchard": Surface((116, 130, 80), (144, 142, 96), 0.5, 0.03, speckle=0.08),
}
"""What grows in fields."""
SEASONS = {
    "spring": {"cereal": 6, "soil": 4, "plough": 2, "meadow": 4, "rape": 2, "maize": 0.5},
    "early summer": {"cereal": 5, "maize": 4, "soya": 3, "meadow": 3, "hay": 2, "beet": 2,
                     "soil": 1.5, "ripe cereal": 1},
    "high summer": {"ripe cereal": 4, "stubble": 4, "maize": 5, "soya": 3, "meadow": 3, "hay": 2,
                    "beet": 2, "soil": 1},
    "autumn": {"stubble": 4, "soil": 4, "plough": 4, "maize": 2, "meadow": 3, "cereal": 3,
               "beet": 1},
}
"""Weights of the crops by season."""
OTHERS = {
    "rough": Surface((96, 102, 66), (126, 118, 84), 0.8, 0.0, speckle=0.14),
    "wood": Surface((56, 72, 44), (74, 86, 52), 0.6, 0.0, speckle=0.15),
    "farm": Surface((114, 126, 82), (168, 156, 132), 0.8, 0.0, speckle=0.10),
    "yard": Surface((184, 176, 158), (158, 150, 130), 0.6, 0.0, speckle=0.06),
    "pond": Surface((58, 72, 66), (70, 82, 72), 0.5, 0.0, speckle=0.02),
    "verge": Surface((120, 134, 82), (148, 146, 100), 0.7, 0.0, speckle=0.11),
    "grass": Surface((110, 130, 74), (146, 146, 98), 0.7, 0.0, speckle=0.10),
    "furrow": Surface((106, 108, 76), (134, 124, 92), 0.7, 0.0, speckle=0.10),
    "asphalt": Surface((150, 148, 144), (138, 136, 132), 0.5, 0.0, speckle=0.03),
    "gravel": Surface((196, 188, 172), (180, 168, 148), 0.5, 0.0, speckle=0.05),
    "dirt": Surface((168, 152, 122), (148, 138, 102), 0.6, 0.0, speckle=0.07),
    "water": Surface((66, 78, 68), (84, 92, 74), 0.5, 0.0, speckle=0.04),
    "bank": Surface((92, 112, 64), (122, 128, 80), 0.8, 0.0, speckle=0.14),
}
"""Ground that is no field."""
