"""One contender of clean_peers.py, in a process of its own: `clean_contenders.py NAME LANDING OUT CORES` prints its account as JSON."""

import contextlib
import hashlib
import hmac
import json
import os
import resource
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

KEY = os.environ.get("BASKETGRAPH_KEY", "a key of the benchmark").encode()
SHOP, ZONE = "complete_journey", "America/New_York"
RUN, NOW = "20260101T000000-abcdef", datetime(2026, 1, 1, tzinfo=timezone.utc)
Account = dict[str, float]


def cpu_seconds() -> float:
    """Of this process and all below it so far; unlike the clock it hardly changes where others use the machine, too."""
    import psutil

    own = psutil.Process()
    return sum(sum(process.cpu_times()[:2]) for process in [own, *own.children(recursive=True)])


def pseudonym(household: object) -> str:
    return hmac.digest(KEY, f"{SHOP}\x00{household}".encode(), "sha256").hex()[:32]


def ours(landing: Path, out: Path, cores: int) -> Account:
    from basketgraph.clean.cleaning import Cleaning, CleanSettings
    from basketgraph.clean.landing_files import Landing
    from basketgraph.clean.sql_checks import checked_source
    from basketgraph.foundation.config import load
    from basketgraph.foundation.privacy.pseudonyms import pseudonym_key
    from basketgraph.foundation.runs.session import spark_session
    from basketgraph.foundation.tables.warehouse import RunTables

    conf = load("local", SHOP, {"landing": str(landing), "warehouse": str(out)})
    kept = {"silver.events": "transactions", "silver.promotions": "promotions"}
    given = {**conf.source, "tables": {table: conf.source["tables"][table] for table in kept}}
    given["files"] = {name: {**conf.source["files"][name], "pattern": f"{name}_*.parquet"} for name in kept.values()}
    spark = spark_session(conf, "clean")
    if spark.sparkContext.defaultParallelism != cores:
        raise SystemExit(f"conf/spark/local.conf gives Spark {spark.sparkContext.defaultParallelism} cores, want {cores}")
    spark.range(1).write.format("delta").mode("overwrite").save(f"{out}/warm")
    began, cpu = time.monotonic(), cpu_seconds()
    release = RunTables(spark, str(out), RUN)
    settings = conf.section("clean", CleanSettings)
    Cleaning(checked_source(spark, given, "benchmark"), Landing(spark, str(landing)), release, key=pseudonym_key(), settings=settings, now=NOW).run()
    seconds, cpu = time.monotonic() - began, cpu_seconds() - cpu
    events = release.read("silver.events")
    (money,) = events.selectExpr("sum(amount_minor)").collect()[0]
    counts = {
        "events": events.count(),
        "promotions": release.read("silver.promotions").count(),
        "rejected": release.read("silver.rejected_rows").count(),
    }
    return {"seconds": seconds, "cpu": cpu, "pence": money, **counts}


REASONS = """list_filter([
    case when household_id is null then 'missing:user_id' end, case when product_id is null then 'missing:item_id' end,
    case when basket_id is null then 'missing:order_id' end, case when quantity is null then 'missing:quantity' end,
    case when transaction_timestamp is null then 'missing:event_time' end,
    case when sales_value is null or coupon_disc is null then 'missing:amount_minor' end,
    case when quantity <= 0 then 'quantity_not_positive' end], lambda r: r is not null)"""
PROMOTION_REASONS = """list_filter([case when product_id is null then 'missing:item_id' end, case when store_id is null then 'missing:store_id' end,
    case when week is null then 'missing:valid_from' end, case when display_location is null then 'missing:display' end,
    case when mailer_location is null then 'missing:mailer' end], lambda r: r is not null)"""
LINEAGE = f"""parse_filename(filename) as source_file, mtime as source_time, '{RUN}' as run_id, TIMESTAMPTZ '{NOW.isoformat()}' as ingested_at"""


def duckdb(landing: Path, out: Path, cores: int) -> Account:
    import duckdb

    out.mkdir(parents=True)
    base = duckdb.connect()
    base.execute(f"set threads = {cores}; set preserve_insertion_order = false; set memory_limit = '8GB'; set temp_directory = '{out}/spill'")
    base.execute("set timezone = 'UTC'; select 1")
    began, cpu = time.monotonic(), cpu_seconds()
    base.execute("create table files (name varchar, mtime timestamptz)")
    for file in sorted(landing.iterdir()):
        base.execute("insert into files values (?, ?)", [file.name, datetime.fromtimestamp(file.stat().st_mtime, timezone.utc)])
    base.execute("create table users (household_id bigint, user_id varchar)")
    ids = base.execute(f"select distinct household_id from '{landing}/transactions_*.parquet' where household_id is not null").fetchall()
    base.executemany("insert into users values (?, ?)", [(one, pseudonym(one)) for (one,) in ids])
    base.execute(f"""create view sales as select *, {REASONS} as reasons,
        cast(sales_value as decimal(18, 4)) - cast(coupon_disc as decimal(18, 4)) as paid,
        cast(sales_value as decimal(18, 4)) + cast(retail_disc as decimal(18, 4)) + cast(coupon_match_disc as decimal(18, 4)) as shelf,
        cast(coupon_disc as decimal(18, 4)) + cast(coupon_match_disc as decimal(18, 4)) as coupons
        from read_parquet('{landing}/transactions_*.parquet', filename = true) join files on files.name = parse_filename(filename)""")
    base.execute(f"""create view events as select concat(basket_id, '-', product_id) as event_id, 'purchase' as event_type,
        cast(transaction_timestamp as timestamp) at time zone 'UTC' as event_time,
        cast((cast(transaction_timestamp as timestamp) at time zone 'UTC') at time zone '{ZONE}' as date) as event_date,
        user_id, cast(product_id as varchar) as item_id, cast(basket_id as varchar) as order_id, cast(store_id as varchar) as store_id,
        cast(null as varchar) as channel, quantity, cast(round(paid * 100) as bigint) as amount_minor,
        cast(round(shelf * 100) as bigint) as list_amount_minor,
        cast(round(cast(retail_disc as decimal(18, 4)) * 100) as bigint) as discount_minor, cast(round(coupons * 100) as bigint) as coupon_minor,
        'USD' as currency, {LINEAGE} from sales left join users using (household_id) where len(reasons) = 0""")
    base.execute(f"""create view promoted as select *, {PROMOTION_REASONS} as reasons,
        DATE '2016-12-26' + cast((week - 1) * 7 as integer) as monday
        from read_parquet('{landing}/promotions_*.parquet', filename = true) join files on files.name = parse_filename(filename)""")
    base.execute(f"""create view promotions as select cast(product_id as varchar) as item_id, cast(store_id as varchar) as store_id,
        cast(monday as date) as valid_from, cast(monday + 7 as date) as valid_to, display_location as display, mailer_location as mailer, {LINEAGE}
        from promoted where len(reasons) = 0""")
    for view in ("sales", "promoted"):
        base.execute(f"select filename, count(*), count(*) filter (len(reasons) > 0) from {view} group by filename").fetchall()
    rejected = []
    for view, shown in (
        ("sales", "* exclude (household_id, reasons, filename, name, mtime, paid, shelf, coupons)"),
        ("promoted", "* exclude (reasons, filename, name, mtime, monday)"),
    ):
        base.execute(f"""create table rejected_{view} as select sha256(to_json(raw)) as rejected_id, '{view}' as table_name,
            reasons, to_json(raw) as payload,
            parse_filename(filename) as source_file
            from (select {shown}, reasons as reasons, filename as filename from {view} where len(reasons) > 0) raw""")
        rejected.append(f"select distinct on (rejected_id) * from rejected_{view}")
    base.execute(f"copy ({' union all '.join(rejected)}) to '{out}/rejected.parquet' (format parquet)")
    for view, keys in (("events", "event_id"), ("promotions", "item_id, store_id, valid_from, display, mailer")):
        # The keys that occur twice are few: resolving them apart is three times as fast as ranking all rows.
        base.execute(f"create table twice_{view} as select {keys} from {view} group by {keys} having count(*) > 1")
        base.execute(f"""copy (select * from {view} anti join twice_{view} using ({keys}) union all by name
            select * from (select * from {view} semi join twice_{view} using ({keys}))
            qualify row_number() over (partition by {keys} order by source_time desc, source_file) = 1)
            to '{out}/{view}' (format parquet, compression snappy, per_thread_output true)""")
    seconds, cpu = time.monotonic() - began, cpu_seconds() - cpu
    counts = {view: base.execute(f"select count(*) from '{out}/{view}/*.parquet'").fetchone()[0] for view in ("events", "promotions")}
    (money,) = base.execute(f"select sum(amount_minor) from '{out}/events/*.parquet'").fetchone()
    (refused,) = base.execute(f"select count(*) from '{out}/rejected.parquet'").fetchone()
    return {"seconds": seconds, "cpu": cpu, "pence": int(money), "rejected": refused, **counts}


def polars_judged(landing: Path) -> tuple[Any, Any]:
    """Sales and promotions with their file and what refuses each row."""
    import polars as pl

    def reasons(**conditions: pl.Expr) -> pl.Expr:
        named = [pl.when(condition).then(pl.lit(name.replace("__", ":"))) for name, condition in conditions.items()]
        return pl.concat_list(named).list.drop_nulls()

    scan = {name: pl.scan_parquet(landing / f"{name}_*.parquet", include_file_paths="file", glob=True) for name in ("transactions", "promotions")}
    null = {c: pl.col(c).is_null() for c in ("household_id", "product_id", "basket_id", "quantity", "transaction_timestamp", "sales_value")}
    sales = scan["transactions"].with_columns(
        reasons(
            missing__user_id=null["household_id"],
            missing__item_id=null["product_id"],
            missing__order_id=null["basket_id"],
            missing__quantity=null["quantity"],
            missing__event_time=null["transaction_timestamp"],
            missing__amount_minor=null["sales_value"],
            quantity_not_positive=pl.col("quantity") <= 0,
        ).alias("reasons")
    )
    promoted = scan["promotions"].with_columns(
        reasons(**{f"missing__{c}": pl.col(c).is_null() for c in ("product_id", "store_id", "week", "display_location", "mailer_location")}).alias(
            "reasons"
        )
    )
    return sales, promoted


def polars_silver(sales: Any, promoted: Any, times: dict[str, datetime]) -> tuple[Any, Any]:
    """Events and promotions of the rows that nothing refuses."""
    import polars as pl

    def lineage() -> list[pl.Expr]:
        stamps = pl.col("file").replace_strict(list(times), list(times.values()), return_dtype=pl.Datetime("us", "UTC"))
        name = pl.col("file").str.split("/").list.last()
        return [name.alias("source_file"), stamps.alias("source_time"), pl.lit(RUN).alias("run_id"), pl.lit(NOW).alias("ingested_at")]

    def money(column: str) -> pl.Expr:
        return pl.col(column).cast(pl.Decimal(18, 4))

    def minor(amount: pl.Expr) -> pl.Expr:
        units = (amount * 10_000).cast(pl.Int64)  # exact: half up in whole numbers
        return ((units.abs() + 50) // 100) * units.sign()

    ids = sales.select(pl.col("household_id").drop_nulls().unique()).collect()["household_id"]
    users = pl.LazyFrame({"household_id": ids, "user_id": [pseudonym(one) for one in ids]})
    good = pl.col("reasons").list.len() == 0
    moment = pl.col("transaction_timestamp").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    text = {c: pl.col(c).cast(pl.String) for c in ("product_id", "basket_id", "store_id")}
    events = (
        sales.filter(good)
        .join(users, on="household_id", how="left")
        .select(
            pl.concat_str([text["basket_id"], text["product_id"]], separator="-").alias("event_id"),
            pl.lit("purchase").alias("event_type"),
            moment.alias("event_time"),
            moment.dt.convert_time_zone(ZONE).dt.date().alias("event_date"),
            "user_id",
            text["product_id"].alias("item_id"),
            text["basket_id"].alias("order_id"),
            text["store_id"].alias("store_id"),
            pl.lit(None, dtype=pl.String).alias("channel"),
            "quantity",
            minor(money("sales_value") - money("coupon_disc")).alias("amount_minor"),
            minor(money("sales_value") + money("retail_disc") + money("coupon_match_disc")).alias("list_amount_minor"),
            minor(money("retail_disc")).alias("discount_minor"),
            minor(money("coupon_disc") + money("coupon_match_disc")).alias("coupon_minor"),
            pl.lit("USD").alias("currency"),
            *lineage(),
        )
    )
    monday = pl.lit(datetime(2016, 12, 26)).dt.date() + pl.duration(days=(pl.col("week") - 1) * 7)
    promotions = promoted.filter(good).select(
        text["product_id"].alias("item_id"),
        text["store_id"].alias("store_id"),
        monday.alias("valid_from"),
        (monday + pl.duration(days=7)).alias("valid_to"),
        pl.col("display_location").alias("display"),
        pl.col("mailer_location").alias("mailer"),
        *lineage(),
    )
    return events, promotions


def polars(landing: Path, out: Path, cores: int) -> Account:
    os.environ["POLARS_MAX_THREADS"] = str(cores)
    import polars as pl

    out.mkdir(parents=True)
    began, cpu = time.monotonic(), cpu_seconds()
    times = {str(file): datetime.fromtimestamp(file.stat().st_mtime, timezone.utc) for file in sorted(landing.iterdir())}
    sales, promoted = polars_judged(landing)
    events, promotions = polars_silver(sales, promoted, times)
    good = pl.col("reasons").list.len() == 0
    refused = 0
    for name, rows in (("sales", sales), ("promoted", promoted)):
        rows.group_by("file").agg(pl.len(), (~good).sum().alias("bad")).collect(engine="streaming")
        bad = rows.filter(~good).drop("file").collect(engine="streaming")
        shown = bad.drop("reasons", "household_id", strict=False)
        payload = [json.dumps(row, default=str) for row in shown.iter_rows(named=True)]
        ids_of_rows = [hashlib.sha256(line.encode()).hexdigest() for line in payload]
        kept = pl.DataFrame({"rejected_id": ids_of_rows, "reasons": bad["reasons"], "payload": payload}).unique("rejected_id")
        kept.write_parquet(out / f"rejected_{name}.parquet")
        refused += kept.height
    for name, rows, keys in (
        ("events", events, ["event_id"]),
        ("promotions", promotions, ["item_id", "store_id", "valid_from", "display", "mailer"]),
    ):
        twice = rows.group_by(keys).len().filter(pl.col("len") > 1).select(keys).collect(engine="streaming").lazy()
        several = rows.join(twice, on=keys, how="semi").sort("source_time", "source_file").unique(keys, keep="last")
        pl.concat([rows.join(twice, on=keys, how="anti"), several]).sink_parquet(out / f"{name}.parquet", compression="snappy")
    seconds, cpu = time.monotonic() - began, cpu_seconds() - cpu
    counts = {name: pl.scan_parquet(out / f"{name}.parquet").select(pl.len()).collect().item() for name in ("events", "promotions")}
    pence = pl.scan_parquet(out / "events.parquet").select(pl.col("amount_minor").sum()).collect().item()
    return {"seconds": seconds, "cpu": cpu, "pence": int(pence), "rejected": refused, **counts}


def main() -> None:
    name, landing, out, cores = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    with contextlib.redirect_stdout(sys.stderr):
        found = {"ours": ours, "duckdb": duckdb, "polars": polars}[name](landing, out, cores)
    if name == "ours":
        import psutil

        own = psutil.Process()
        peak = sum(process.memory_info().rss for process in [own, *own.children(recursive=True)])
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({**found, "peak_gib": peak / 2**30}), flush=True)


if __name__ == "__main__":
    main()
