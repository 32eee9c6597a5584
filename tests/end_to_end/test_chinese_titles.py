"""A shop half of whose titles are Chinese, as a user onboards and runs it: lists hold both, and questions are answered in either language."""

from __future__ import annotations

import html
import json
import random
import re
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from basketgraph.foundation.tables.deltalake_reader import DeltaFolder

FIRST, DAYS, CUSTOMERS = date(2026, 1, 1), 120, 60
TEA = (
    *("绿茶 茶包", "红茶 礼盒装", "茉莉花茶", "乌龙茶 铁观音", "普洱茶 茶饼", "玻璃茶壶 带滤网", "陶瓷茶杯 四件套", "不锈钢水壶", "保温杯"),
    *("竹制茶盘", "茶叶罐 密封", "咖啡豆 中度烘焙", "手冲咖啡壶", "蜂蜜柚子酱", "马克杯 带盖"),
    *("Porcelain tea cup set", "Glass teapot with strainer", "Earl grey tea bags", "Stainless steel kettle", "Coffee mug with lid"),
    *("French press coffee maker", "Honey jar with dipper", "Milk jug white", "Wooden tea tray", "Sugar bowl", "Striped tea towel"),
    *("Cake stand three tiers", "Lunch box with compartments", "Thermos flask", "Iced tea pitcher"),
)
TOYS = (
    *("毛绒玩具 小熊", "积木 拼装", "儿童拼图 动物", "彩色铅笔 24色", "水彩颜料 套装", "笔记本 横线", "钢笔 礼盒", "遥控汽车", "布娃娃", "橡皮泥"),
    *("书包 小学生", "贴纸 恐龙", "文具盒 双层", "跳绳", "风筝 彩色"),
    *("Teddy bear plush", "Wooden building blocks", "Jigsaw puzzle farm animals", "Colouring pencils set of 24", "Watercolour paint set"),
    *("Ruled notebook", "Fountain pen gift box", "Remote control car", "Rag doll", "Modelling clay", "School backpack", "Dinosaur stickers"),
    *("Pencil case double", "Skipping rope", "Rainbow kite"),
)
TITLES = {f"P{number:02d}": title for number, title in enumerate((*TEA, *TOYS))}
CHINESE = {item for item, title in TITLES.items() if not title.isascii()}
OF_TEA = set(list(TITLES)[: len(TEA)])
SEARCHES = {"绿茶": 6, "Kettle": 5, "电动牙刷 给王小明": 2}  # and how many people asked it
SEARCH_LOG: dict[str, Any] = {
    "pattern": "searches*.csv",
    "format": "csv",
    "columns": {"at": "string", "customer": "string", "words": "string"},
    "personal": ["customer"],
}
SEARCH_TABLE: dict[str, Any] = {
    "files": "searches",
    "columns": {"event_time": "to_timestamp(at)", "event_date": "to_date(to_timestamp(at))", "user_id": "customer", "query": "words"},
}
ANSWERED = {  # question -> the product that comes first
    "绿茶": "绿茶 茶包",
    "水壶": "不锈钢水壶",
    "儿童 拼图": "儿童拼图 动物",
    "不锈钢的水壶": "不锈钢水壶",
    "kettle": "Stainless steel kettle",
    "skiping rope": "Skipping rope",
    "something for a child to fly on a windy day": "Rainbow kite",
    "bag that a pupil carries his books in": "School backpack",
}


def sales() -> list[str]:
    """Lines of customers who each buy of eight products, all of one of two tastes."""
    draw, lines = random.Random(0), []
    for customer in range(CUSTOMERS):
        liked = draw.sample(sorted(OF_TEA if customer % 2 else set(TITLES) - OF_TEA), 8)
        for day in range(customer % 7, DAYS, 7):
            on = FIRST + timedelta(days=day)
            for item in draw.sample(liked, 4):
                price = f"{5 + int(item[1:])}.50"
                lines.append(f"SO{customer:02d}{day:03d},{on} 10:{customer:02d}:00,C{customer:03d},{item},{TITLES[item]},1,{price}")
    return sorted(lines, key=lambda line: line.split(",")[1])


def searches() -> list[str]:
    on = FIRST + timedelta(days=DAYS - 3)
    return [f"{on} 09:00:{number:02d},C{number:03d},{words}" for words, people in SEARCHES.items() for number in range(people)]


def basketgraph(*arguments: str) -> str:
    """What a command prints; run as a user starts it."""
    done = subprocess.run([sys.executable, "-m", "basketgraph.cli.app", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-6000:]
    return done.stdout


@pytest.mark.long
def test_a_shop_half_of_whose_titles_are_chinese_gets_lists_and_answers_and_is_told_how(tmp_path: Path) -> None:
    landing, conf, warehouse = tmp_path / "landing", tmp_path / "conf-dir", tmp_path / "warehouse"
    landing.mkdir()
    (landing / "sales.csv").write_text("\n".join(["order_no,order_date,customer_id,sku,product_name,quantity,unit_price", *sales(), ""]))
    about = ["--currency", "CNY", "--time-zone", "Asia/Shanghai", "--conf-dir", str(conf)]
    basketgraph("onboard", str(landing), "--shop", "corner", *about)
    mapping = conf / "conf" / "sources" / "corner.yaml"
    given = yaml.safe_load(mapping.read_text())
    given["files"]["searches"], given["tables"]["silver.searches"] = SEARCH_LOG, SEARCH_TABLE  # which a draft does not know
    mapping.write_text(yaml.safe_dump(given, allow_unicode=True))
    (landing / "searches.csv").write_text("\n".join(["at,customer,words", *searches(), ""]))

    shop = ["--source", "corner", "--conf-dir", str(conf), "--set", f"warehouse={warehouse}"]
    small = [f"--set={text}" for text in ("graph.epochs=2", "graph.dim=32", "recall.als_rank=16", "quality.fresh_days=100000")]
    small += ["--set", "gate.min_users=1000"]  # whether lists are better than what people bought before is not asked here
    told = json.loads(basketgraph("run", "all", *shop, *small, "--json").splitlines()[-1])
    assert told["rows"]["silver.events"]["accepted"] == len(sales())
    assert told["refused"] is None
    tables = DeltaFolder(warehouse)
    names = {row["item_id"]: row["name"] for row in tables.rows("silver.items", "SELECT item_id, name FROM {rows}")}
    assert names == TITLES
    newest = "SELECT user_id, item_id FROM {rows} WHERE setting = 'rebuy' AND as_of = (SELECT max(as_of) FROM {rows}) AND rank <= 10"
    lists: dict[str, list[str]] = {}
    for row in tables.rows("gold.recommendations", newest):
        lists.setdefault(row["user_id"], []).append(row["item_id"])
    assert len(lists) == CUSTOMERS
    assert all(CHINESE & set(items) and set(items) - CHINESE for items in lists.values()), "both languages are on every list"
    own_taste = [max(sum(item in OF_TEA for item in items), sum(item not in OF_TEA for item in items)) / len(items) for items in lists.values()]
    assert min(own_taste) >= 0.9, "what a title is written in does not keep it from those who like its kind"

    told = json.loads(basketgraph("run", "content", *shop, *small, "--json").splitlines()[-1])
    counts = told["metrics"]["text_vectors"]
    assert (counts["titles"], counts["by_characters"]) == (60, 30)
    page = re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", Path(told["report"]).read_text())))
    sentence = "Of 60 product titles 30 (50.0 %) are in words that the language model does not know"
    assert f"{sentence}: they are compared by their characters alone, not by meaning." in page.replace("\N{NO-BREAK SPACE}", " ")
    answers = told["metrics"]["answers"]
    assert (answers["searches"], answers["different"], answers["questions"], answers["unanswered"]) == (13, 3, 2, 0)
    best = tables.rows("gold.answers", "SELECT question, title, found_by, searches, people FROM {rows} WHERE rank = 1 ORDER BY people")
    assert [tuple(row.values()) for row in best] == [
        ("kettle", "Stainless steel kettle", "words", 5, 5),
        ("绿茶", "绿茶 茶包", "words", 6, 6),
    ]

    questions, out = tmp_path / "questions.txt", tmp_path / "answers.jsonl"
    questions.write_text("".join(f"{question}\n" for question in ANSWERED))
    basketgraph("ask", "--questions", str(questions), "--out", str(out), *shop)
    found = {one["question"]: one for one in map(json.loads, out.read_text().splitlines())}
    assert {question: one["answers"][0]["title"] for question, one in found.items()} == ANSWERED
    assert {one["route"] for one in list(found.values())[-2:]} == {"meaning"}
    one = json.loads(basketgraph("ask", "泡茶的壶", *shop, "--user", "C001", "--json").splitlines()[-1])["answers"][0]
    assert (one["title"], one["found_by"]) == ("玻璃茶壶 带滤网", "letters")
