"""Settings that follow from the graph's size."""

from basketgraph.graph.settings import recipe


def test_the_recipe_goes_from_what_small_graphs_want_to_what_large_ones_do():
    assert recipe(1_892, 42_135) == {"temperature": 0.2, "own_weight": 0.3, "epochs": 12}
    assert recipe(29_858, 810_128) == {"temperature": 0.1, "own_weight": 0.5, "epochs": 5}
    between = recipe(25_000, 400_000)
    assert 0.1 < between["temperature"] < 0.2
    assert 5 <= between["epochs"] <= 12
