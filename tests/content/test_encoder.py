"""The encoder: the same vector in any company, and none where it knows no words."""

import numpy as np
import pytest

from basketgraph.content import encoder
from basketgraph.content.encoder import DIM, encode
from basketgraph.foundation.config import UserError

TITLES = ["red retrospot mug", "set of 6 t light holders in a wooden box", "gift for a boyfriend", "coffee cup"]


def test_a_vector_does_not_depend_on_the_other_texts_or_their_order() -> None:
    together = encode(TITLES)
    assert together.shape == (4, DIM)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(encode([*TITLES[::-1], *TITLES]), np.concatenate([together[::-1], together]), atol=1e-5)
    np.testing.assert_allclose(encode(TITLES[2:3])[0], together[2], atol=1e-5)
    mug, _, _, cup = together
    assert mug @ cup > mug @ together[2]


def test_texts_without_words_that_it_knows_have_no_vector() -> None:
    unknown = [None, "", "  ", "生日礼物盒子", "подарок", "☂☂ ☂☂ 伞"]
    assert not encode([*unknown, "mug"])[:-1].any()
    assert encode(["café crème mug 杯"]).any()  # few letters of another script are none of its business


def test_another_file_than_the_pinned_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    package, inside, _ = encoder.FILES["tokenizer"]
    monkeypatch.setitem(encoder.FILES, "tokenizer", (package, inside, "0" * 64))
    encoder._loaded.cache_clear()
    with pytest.raises(UserError, match=f"sha256: want {'0' * 64}, have be50c3"):
        encode(["mug"])
    monkeypatch.setitem(encoder.FILES, "tokenizer", ("no_such_package", inside, ""))
    with pytest.raises(UserError, match="want the extra `words`, have no file"):
        encode(["mug"])
