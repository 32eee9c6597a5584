"""Every text can stand in a drafted mapping."""

from __future__ import annotations

import yaml

from basketgraph.clean.characters import shown
from basketgraph.onboard.rendering import scalar


def test_every_character_of_a_file_can_stand_in_a_mapping() -> None:
    hard = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA1), 0xAD, 0x200B, 0x2028, 0x2029, 0xD83D, 0xFEFF, 0xFFFE, 0xFFFF, 0x1F600, 0xE0001)]
    for character in [*hard, "'", '"', "\\", "#", ":", "é", "٣"]:
        for text in (character, f"a{character}b", f"a {character}", f"{character} # b", f'"{character}\\'):
            if not 0xD800 <= ord(character) < 0xE000:
                assert yaml.safe_load(f"k: {scalar(text)}\nl: [{scalar(text, inside=True)}]") == {"k": text, "l": [text]}
            assert yaml.safe_load(f"# {shown(text)}\nk: v".encode()) == {"k": "v"}
    assert shown("a\u202fb\u00a0\u200b") == "a\\u202fb\\u00a0\\u200b"
