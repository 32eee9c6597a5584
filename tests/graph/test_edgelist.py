"""Plain edge lists: what is read, and what is refused."""

import subprocess

import pytest

from basketgraph.foundation.config import UserError
from basketgraph.graph.edgelist import read_edge_lists


def test_names_are_numbered_over_all_files_and_a_repeated_edge_counts_once(tmp_path):
    (tmp_path / "a.txt").write_text("10 7 7 8\n2 8\n11\n")
    (tmp_path / "b.txt").write_text("12 9\n")
    lists = read_edge_lists([tmp_path / "a.txt", tmp_path / "b.txt"])
    assert (lists.users, lists.items) == (("2", "10", "12"), ("7", "8", "9"))
    assert lists.matrices[0].indptr.tolist() == [0, 1, 3, 3]
    assert lists.matrices[0].columns.tolist() == [1, 0, 1]


@pytest.mark.parametrize(("content", "said"), [("", "holds no edge"), ("1\n2\n", "holds no edge"), (None, "cannot be read")])
def test_a_file_without_edges_is_a_mistake(tmp_path, content, said):
    if content is not None:
        (tmp_path / "a.txt").write_text(content)
    with pytest.raises(UserError, match=said):
        read_edge_lists([tmp_path / "a.txt"])


COLUMNS = {  # what people have, and the command that makes an edge list of it
    "u.data": ("1\t9\t4\t883522457\n1\t37\t1\t888184876\n2\t9\t5\t886539906\n", "awk '{print $1, $2}' "),
    "weights": ("1 9 120\n1 37 4\n2 9 5\n", "awk '{print $1, $2}' "),
    "a user a line, timed": ("1 9 4 883522457\n2 37 1 888184876\n", "awk '{print $1, $2}' "),
    "a user a line, rated": ("ann b00k 4.5\nbob t0y 3.0\n", "awk '{print $1, $2}' "),
    "a user a line, named": ("user item rating\nann b00k 4\nbob t0y 3\n", "awk 'NR > 1 {print $1, $2}' "),
    "RecBole": ("user_id:token\titem_id:token\trating:float\n1\t9\t4\n1\t37\t1\n", "awk 'NR > 1 {print $1, $2}' "),
    "commas": ("userId,movieId,rating\n1,9,4.0\n2,37,1.0\n", "tr ',' ' ' < "),
    "pairs with commas": ("1, 9\n2, 37\n", "tr ',' ' ' < "),
    "MovieLens": ("1::9::5::978300760\n2::37::3::978302109\n", "sed 's/::/ /g' < "),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_of_another_layout_are_refused_with_the_command_that_makes_an_edge_list(tmp_path, name):
    text, command = COLUMNS[name]
    file = tmp_path / "it's.dat"
    file.write_text(text)
    with pytest.raises(UserError, match="want `user item item") as caught:
        read_edge_lists([file])
    made = caught.value.cure.partition(": ")[2]
    assert made.startswith(command)
    subprocess.run(["bash", "-c", made], cwd=tmp_path, check=True)
    (result,) = tmp_path.glob("*.edges.txt")
    (edges,) = read_edge_lists([result]).matrices
    assert len(edges.columns) == text.count("\n") - sum(word in text for word in ("user_id", "userId", "user item"))


@pytest.mark.parametrize("header", ["user_id:token\titem_id:token", "user item", "org remap", "#userID artistID"])
def test_a_header_is_left_out_and_told(tmp_path, header):
    file, said = tmp_path / "train.inter", []
    file.write_text(f"\ufeff{header}\n1\t9\n1\t37\n2\t9\n")
    lists = read_edge_lists([file], said.append)
    assert (lists.users, lists.items) == (("1", "2"), ("9", "37"))
    assert [f"`{' '.join(header.split())}`, is a header" in text for text in said] == [True]


@pytest.mark.parametrize(
    "text", ["1 9 4 7\n2 9 4 8\n", "ann tea jam\nbob jam\nann figs\n", "ann,b tea\nbob jam\n", "user1 item2\nuser1 item3\n", "a b\n"]
)
def test_edge_lists_that_look_a_little_like_columns_are_read_whole(tmp_path, text):
    (tmp_path / "a.txt").write_text(text)
    (edges,) = read_edge_lists([tmp_path / "a.txt"], pytest.fail).matrices
    assert len(edges.columns) == len(text.split()) - text.count("\n")
