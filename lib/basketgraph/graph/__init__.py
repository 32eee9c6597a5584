"""The graph recommender: LightGCN trained with a full softmax, users sharded over ranks, items replicated. Imports no pyspark."""
