"""Tests of headings of songs, and of the singers they name."""

import pytest

from training.data.corpora.drama.cues import Song, read_song


@pytest.mark.parametrize(
    ("printed", "song"),
    [
        ("SONG--ANNA.", Song("Song: ANNA.", "ANNA")),
        ("[SONG.--TOM.]", Song("Song: TOM.", "TOM")),
        ("SONG AND CHORUS--TOM", Song("Song and chorus: TOM.", "TOM")),
        (
            "RECITATIVE AND DUET--ANNA AND TOM.",
            Song("Recitative and duet: ANNA AND TOM.", "ANNA AND TOM"),
        ),
        ("TRIO--ANNA, TOM, and KATE", Song("Trio: ANNA, TOM, and KATE.", "ANNA, TOM, AND KATE")),
        ("SONG--TOM with CHORUS", Song("Song: TOM with CHORUS.", "TOM")),
        ("BALLAD ANNA", Song("Ballad: ANNA.", "ANNA")),
        ("AIR", Song("Air.", "")),
        ("AIR XVI.--ANNA.", Song("Air: ANNA.", "ANNA")),
        ("CHORUS OF SAILORS.", Song("", "CHORUS OF SAILORS")),
    ],
)
def test_song_headings_name_their_singers(printed: str, song: Song):
    assert read_song(printed) == song


@pytest.mark.parametrize(
    "text",
    [
        "CHORUS.",
        "SONG OF THE SHIRT",
        "FINALE TO ACT II",
        "Air, and a window on the sea",
        "TRIOLET",
        "SOLO. I sing alone, and nobody minds.",
        "SONG--" + "ANNA, " * 20 + "TOM",
    ],
)
def test_other_lines_are_not_song_headings(text: str):
    assert read_song(text) is None
