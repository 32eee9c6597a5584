"""The sealed hand-off from Spark to training: Parquet files by shard of users, and a manifest that says what belongs to the set."""
